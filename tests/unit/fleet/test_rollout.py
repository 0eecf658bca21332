"""Which hosts may run, and how far: a table of single rules."""

import time
from dataclasses import replace

import pytest

from provision.common.results import Gate, StoppedAt
from provision.fleet.rollout import Place, Rollout
from provision.host.target import parse_target

BUILD, SWITCH = Gate.BUILD, Gate.SWITCH
HELD_AT_SWITCH = StoppedAt(SWITCH)


def server(name: str, group: str = "servers") -> Place:
    return Place(host=parse_target(name), group=group)


def client(name: str, *follows: str) -> Place:
    return Place(host=parse_target(name), group="clients", serves=False, follows=tuple(map(parse_target, follows)))


def rollout(*places: Place, parallel: int = 16, max_failures: int | None = None) -> Rollout:
    return Rollout(places, parallel=parallel, max_failures=max_failures)


def begun(made: Rollout) -> dict[str, frozenset[Gate]]:
    return {str(start.host): start.open for start in made.ready()}


def left_alone(made: Rollout) -> dict[str, str]:
    return {str(host): why for host, why in made.left_alone.items()}


A, B, C, D = map(parse_target, "abcd")


ALL, NONE = frozenset({SWITCH}), frozenset[Gate]()


def test_one_host_may_switch_from_the_start_and_has_to_ask_before_it_compiles() -> None:
    made = rollout(server("a"))
    assert begun(made) == {"a": {SWITCH}}
    made.stopped_at(A, StoppedAt(BUILD, "x"))
    assert made.needs == {"x"}
    assert begun(made) == {"a": {SWITCH, BUILD}}


def test_of_the_servers_of_a_group_one_may_switch_while_all_prepare() -> None:
    made = rollout(server("a"), server("b"), server("c", group="others"))
    assert begun(made) == {"a": ALL, "b": NONE, "c": ALL}
    made.stopped_at(B, HELD_AT_SWITCH)
    assert begun(made) == {}
    made.ended(A, ok=True, tried=True)
    assert begun(made) == {"b": ALL}


def test_a_server_that_prepares_is_not_counted_as_unavailable() -> None:
    made = rollout(server("a"), server("b"), server("c"), parallel=2)
    assert begun(made) == {"a": ALL, "b": NONE}
    made.ended(A, ok=True, tried=True)
    assert begun(made) == {"c": ALL}


def test_a_client_that_switches_is_no_server_of_its_group() -> None:
    made = rollout(replace(client("a"), group="servers"), server("b"))
    assert begun(made) == {"a": ALL, "b": ALL}


def test_a_group_may_allow_more() -> None:
    made = rollout(*(replace(server(name), max_unavailable=2) for name in "abc"))
    assert begun(made) == {"a": ALL, "b": ALL, "c": NONE}


def test_a_server_that_failed_is_unavailable_and_the_next_is_left_alone() -> None:
    made = rollout(server("a"), server("b"), client("d"))
    assert begun(made) == {"a": ALL, "b": NONE, "d": ALL}
    made.stopped_at(B, HELD_AT_SWITCH)
    made.ended(A, ok=False, tried=True)
    assert begun(made) == {}
    why = "a of its group may be without service, and rollout.max_unavailable allows no more"
    assert left_alone(made) == {"b": why}


def test_a_server_that_failed_counts_beside_one_that_switches() -> None:
    made = rollout(*(replace(server(name), max_unavailable=2) for name in "abc"))
    begun(made)
    made.stopped_at(C, HELD_AT_SWITCH)
    made.ended(A, ok=False, tried=True)
    assert begun(made) == {}
    assert left_alone(made) == {}
    made.ended(B, ok=True, tried=True)
    assert begun(made) == {"c": ALL}


def test_clients_prepare_during_the_rollout_and_switch_after_all_their_servers() -> None:
    made = rollout(server("a"), server("b"), client("c", "a", "b"), client("d", "elsewhere"))
    assert begun(made) == {"a": ALL, "b": NONE, "c": NONE, "d": ALL}
    made.stopped_at(C, HELD_AT_SWITCH)
    made.ended(A, ok=True, tried=True)
    assert begun(made) == {}
    made.ended(B, ok=True, tried=True)
    assert begun(made) == {"c": ALL}


def test_who_follows_a_host_that_failed_is_left_alone_and_who_follows_that_one_too() -> None:
    made = rollout(server("a"), replace(server("b", "edge"), follows=(A,)), client("c", "b"))
    assert begun(made) == {"a": ALL, "b": NONE, "c": NONE}
    for name in ("b", "c"):
        made.stopped_at(parse_target(name), HELD_AT_SWITCH)
    made.ended(A, ok=False, tried=False)
    assert begun(made) == {}
    assert left_alone(made) == {
        "b": "it follows a, which is not ok",
        "c": "it follows b, which is not ok",
    }


def test_one_compiles_and_the_others_begin_when_there_is_an_artifact() -> None:
    made = rollout(*(client(name) for name in "abc"))
    assert begun(made) == {"a": ALL, "b": ALL, "c": ALL}
    for name in "cba":
        made.stopped_at(parse_target(name), StoppedAt(BUILD, "x"))
    assert begun(made) == {"a": {BUILD, SWITCH}}
    made.built("x")
    assert begun(made) == {"b": ALL, "c": ALL}


def test_two_platforms_are_compiled_at_once() -> None:
    made = rollout(*(client(name) for name in "abcd"))
    begun(made)
    for name, need in zip("abcd", "xyxy", strict=True):
        made.stopped_at(parse_target(name), StoppedAt(BUILD, need))
    assert begun(made) == {"a": {BUILD, SWITCH}, "b": {BUILD, SWITCH}}


@pytest.mark.parametrize(("first", "second"), [("x", "y"), ("y", "x")])
def test_a_build_is_needed_until_its_host_compiles_and_no_other_build_waits_for_it(first: str, second: str) -> None:
    made = rollout(client("a"), client("b"))
    begun(made)
    made.stopped_at(A, StoppedAt(BUILD, first))
    assert made.needs == {first}
    assert begun(made) == {"a": {SWITCH, BUILD}}
    assert made.needs == set()
    made.stopped_at(B, StoppedAt(BUILD, second))
    assert begun(made) == {"b": {SWITCH, BUILD}}


def test_the_builder_of_the_site_compiles_its_own_build_too() -> None:
    made = rollout(*(replace(client(name), builder=C) for name in "abc"))
    assert list(begun(made)) == ["a", "b", "c"]
    made.stopped_at(A, StoppedAt(BUILD, "x"))
    assert begun(made) == {}
    made.stopped_at(C, StoppedAt(BUILD, "x"))
    assert begun(made) == {"c": {BUILD, SWITCH}}


@pytest.mark.parametrize("need", ["y", ""], ids=["another build", "no build"])
def test_what_the_builder_does_not_need_another_one_compiles(need: str) -> None:
    made = rollout(*(replace(client(name), builder=B) for name in "ab"))
    begun(made)
    made.stopped_at(A, StoppedAt(BUILD, "x"))
    made.stopped_at(B, StoppedAt(BUILD, need) if need else HELD_AT_SWITCH)
    assert begun(made)["a"] == {BUILD, SWITCH}


def test_where_the_one_that_compiles_fails_the_next_one_tries() -> None:
    made = rollout(client("a"), client("b"))
    begun(made)
    for name in "ab":
        made.stopped_at(parse_target(name), StoppedAt(BUILD, "x"))
    assert begun(made) == {"a": {BUILD, SWITCH}}
    made.ended(A, ok=False, tried=True)
    assert begun(made) == {"b": {BUILD, SWITCH}}


def test_where_a_good_artifact_does_not_work_the_host_compiles_and_the_others_use_it() -> None:
    made = rollout(client("a"), client("b"))
    begun(made)
    made.built("x")
    made.stopped_at(B, replace(StoppedAt(BUILD, "x"), unfit=True))
    assert begun(made) == {"b": {BUILD, SWITCH}}
    made.stopped_at(A, StoppedAt(BUILD, "x"))
    made.built("x")
    assert begun(made) == {"a": {SWITCH}}


def test_an_artifact_that_does_not_work_on_one_host_is_used_on_another() -> None:
    made = rollout(client("a"), client("b"))
    begun(made)
    made.stopped_at(A, StoppedAt(BUILD, "x"))
    made.built("x")
    made.stopped_at(B, replace(StoppedAt(BUILD, "x"), unfit=True))
    assert begun(made) == {"a": ALL, "b": {BUILD, SWITCH}}


def test_an_artifact_that_does_not_hold_on_a_host_is_built_there() -> None:
    made = rollout(client("a"), client("b"))
    begun(made)
    for name in "ab":
        made.stopped_at(parse_target(name), StoppedAt(BUILD, "x"))
    begun(made)
    made.built("x")
    assert begun(made) == {"b": ALL}
    made.ended(A, ok=True, tried=True)
    made.stopped_at(B, StoppedAt(BUILD, "x"))
    assert begun(made) == {"b": {BUILD, SWITCH}}


def test_where_there_are_no_keys_yet_one_host_makes_them() -> None:
    places = [replace(server(name, name), keys_from=file) for name, file in (("a", "k"), ("b", "k"), ("c", "other"))]
    made = rollout(*places)
    assert list(begun(made)) == ["a", "c"]
    made.stopped_at(A, StoppedAt(BUILD, "x"))
    assert list(begun(made)) == ["a"]
    made.has_keys("k")
    assert list(begun(made)) == ["b"]


def test_who_makes_the_keys_does_not_wait_for_a_builder_that_waits_for_them() -> None:
    made = rollout(*(replace(server(name, name), keys_from="k", builder=B) for name in "ab"))
    assert list(begun(made)) == ["a"]
    made.stopped_at(A, StoppedAt(BUILD, "x"))
    assert begun(made) == {"a": {BUILD, SWITCH}}


def test_who_was_to_make_the_keys_and_failed_leaves_it_to_the_next() -> None:
    made = rollout(*(replace(server(name, name), keys_from="k") for name in "ab"))
    assert list(begun(made)) == ["a"]
    made.ended(A, ok=False, tried=False)
    assert list(begun(made)) == ["b"]


def test_so_many_run_at_once() -> None:
    made = rollout(*(client(name) for name in "abc"), parallel=2)
    assert list(begun(made)) == ["a", "b"]
    made.ended(A, ok=True, tried=True)
    assert list(begun(made)) == ["c"]


def test_after_so_many_failures_the_rest_is_left_alone() -> None:
    made = rollout(*(client(name) for name in "abcd"), parallel=2, max_failures=2)
    begun(made)
    made.ended(A, ok=False, tried=False)
    assert list(begun(made)) == ["c"]
    made.ended(B, ok=False, tried=True)
    assert list(begun(made)) == ["d"]
    made.ended(C, ok=False, tried=True)
    assert begun(made) == {}
    made.ended(D, ok=True, tried=True)
    assert left_alone(made) == {}
    assert made.counts == {
        "waiting": 0,
        "running": 0,
        "stopped": 0,
        "good": 1,
        "bad": 3,
        "left alone": 0,
    }


def test_the_reason_for_skipped_hosts_is_reported() -> None:
    made = rollout(*(client(name) for name in "abc"), parallel=1, max_failures=1)
    begun(made)
    made.ended(A, ok=False, tried=True)
    assert begun(made) == {}
    why = "1 hosts failed, and --max-failures is 1"
    assert left_alone(made) == {"b": why, "c": why}


MANY = 1000
FLEETS = [
    pytest.param([server("s"), *(client(f"c{number}", "s") for number in range(MANY))], "", id="clients of a server"),
    pytest.param([server(f"s{number}") for number in range(MANY)], "", id="servers of a group, in turn"),
    pytest.param([server(f"s{number}") for number in range(MANY)], "s7", id="servers of a group, left alone"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("places", "fails"), FLEETS)
def test_no_question_about_one_of_many_hosts_asks_all_the_others(places: list[Place], fails: str) -> None:
    """It takes less than a second; where each event asks about all pairs of hosts, minutes."""
    made = rollout(*places)
    begun_at = time.process_time()
    running = list(made.ready())
    while running:
        start = running.pop(0)
        if SWITCH in start.open:
            made.ended(start.host, ok=str(start.host) != fails, tried=True)
        else:
            made.stopped_at(start.host, HELD_AT_SWITCH)
        running += made.ready()
        assert made.needs == frozenset()
        assert time.process_time() - begun_at < 20
    assert made.counts["good"] + len(made.left_alone) + bool(fails) == len(places)
    assert bool(made.left_alone) == bool(fails)


def test_of_a_plan_one_host_would_compile_and_the_others_are_told_which() -> None:
    made = Rollout([client("a"), client("b"), client("c")], parallel=16, max_failures=None, planned_builds=1)
    begun(made)
    for host in (A, B, C):
        made.stopped_at(host, StoppedAt(BUILD, "x"))
    assert begun(made) == {"a": {BUILD, SWITCH}}
    made.ended(A, ok=True, tried=True)
    assert [(start.host, start.open, start.compiled_on) for start in made.ready()] == [(B, ALL, "a"), (C, ALL, "a")]


def test_of_a_plan_a_host_that_arrives_late_would_not_compile_either() -> None:
    made = Rollout([client("a"), client("b")], parallel=16, max_failures=None, planned_builds=1)
    begun(made)
    made.stopped_at(A, StoppedAt(BUILD, "x"))
    begun(made)
    made.ended(A, ok=True, tried=True)
    made.stopped_at(B, StoppedAt(BUILD, "x"))
    assert [(start.host, start.open, start.compiled_on) for start in made.ready()] == [(B, ALL, "a")]


def test_of_a_plan_as_many_hosts_would_compile_as_have_to_confirm_a_build() -> None:
    made = Rollout([client("a"), client("b"), client("c")], parallel=16, max_failures=None, planned_builds=2)
    begun(made)
    for host in (A, B, C):
        made.stopped_at(host, StoppedAt(BUILD, "x"))
    assert begun(made) == {"a": {BUILD, SWITCH}}
    made.ended(A, ok=True, tried=True)
    assert begun(made) == {"b": {BUILD, SWITCH}}
    made.ended(B, ok=True, tried=True)
    assert [(start.open, start.compiled_on) for start in made.ready()] == [(ALL, "a, b")]


def test_of_a_plan_the_next_host_would_compile_where_one_fails() -> None:
    made = Rollout([client("a"), client("b")], parallel=16, max_failures=None, planned_builds=1)
    begun(made)
    for host in (A, B):
        made.stopped_at(host, StoppedAt(BUILD, "x"))
    assert begun(made) == {"a": {BUILD, SWITCH}}
    made.ended(A, ok=False, tried=True)
    assert begun(made) == {"b": {BUILD, SWITCH}}
