"""Which hosts may run, and how far: a table of single rules, and a machine that plays whole rollouts."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.rollout import Gate, Held, Place, Rollout, Start

BUILD, SWITCH = Gate.BUILD, Gate.SWITCH
HELD_AT_SWITCH = Held(SWITCH)


def server(name: str, group: str = "servers") -> Place:
    return Place(name=name, group=group)


def client(name: str, *follows: str) -> Place:
    return Place(name=name, group="clients", serves=False, follows=follows)


def rollout(*places: Place, parallel: int = 16, max_failures: int | None = None) -> Rollout:
    return Rollout(places, parallel=parallel, max_failures=max_failures)


def begun(made: Rollout) -> dict[str, frozenset[Gate]]:
    return {start.name: start.open for start in made.ready()}


ALL, NONE = frozenset({SWITCH}), frozenset[Gate]()


def test_one_host_may_switch_from_the_start_and_has_to_ask_before_it_compiles() -> None:
    made = rollout(server("a"))
    assert begun(made) == {"a": {SWITCH}}
    made.held("a", Held(BUILD, "x"))
    assert made.needs == {"x"}
    assert begun(made) == {"a": {SWITCH, BUILD}}


def test_of_the_servers_of_a_group_one_may_switch_while_all_prepare() -> None:
    made = rollout(server("a"), server("b"), server("c", group="others"))
    assert begun(made) == {"a": ALL, "b": NONE, "c": ALL}
    made.held("b", HELD_AT_SWITCH)
    assert begun(made) == {}
    made.ended("a", ok=True, tried=True)
    assert begun(made) == {"b": ALL}


def test_a_group_may_allow_more() -> None:
    made = rollout(*(replace(server(name), max_unavailable=2) for name in "abc"))
    assert begun(made) == {"a": ALL, "b": ALL, "c": NONE}


def test_a_server_that_failed_is_unavailable_and_the_next_is_left_alone() -> None:
    made = rollout(server("a"), server("b"), client("d"))
    assert begun(made) == {"a": ALL, "b": NONE, "d": ALL}
    made.held("b", HELD_AT_SWITCH)
    made.ended("a", ok=False, tried=True)
    assert begun(made) == {}
    why = "a of its group may be without service: one more than rollout.max_unavailable"
    assert made.left_alone == {"b": why}


def test_clients_prepare_meanwhile_and_switch_after_all_those_that_they_follow() -> None:
    made = rollout(server("a"), server("b"), client("c", "a", "b"), client("d", "elsewhere"))
    assert begun(made) == {"a": ALL, "b": NONE, "c": NONE, "d": ALL}
    made.held("c", HELD_AT_SWITCH)
    made.ended("a", ok=True, tried=True)
    assert begun(made) == {}
    made.ended("b", ok=True, tried=True)
    assert begun(made) == {"c": ALL}


def test_who_follows_a_host_that_failed_is_left_alone_and_who_follows_that_one_too() -> None:
    made = rollout(server("a"), replace(server("b", "edge"), follows=("a",)), client("c", "b"))
    assert begun(made) == {"a": ALL, "b": NONE, "c": NONE}
    for name in ("b", "c"):
        made.held(name, HELD_AT_SWITCH)
    made.ended("a", ok=False, tried=False)
    assert begun(made) == {}
    assert made.left_alone == {
        "b": "it follows a, which is not as wanted",
        "c": "it follows b, which is not as wanted",
    }


def test_one_compiles_and_the_others_begin_when_there_is_an_artifact() -> None:
    made = rollout(*(client(name) for name in "abc"))
    assert begun(made) == {"a": ALL, "b": ALL, "c": ALL}
    for name in "cba":
        made.held(name, Held(BUILD, "x"))
    assert begun(made) == {"a": {BUILD, SWITCH}}
    made.made("x")
    assert begun(made) == {"b": ALL, "c": ALL}


def test_two_platforms_are_compiled_at_once() -> None:
    made = rollout(*(client(name) for name in "abcd"))
    begun(made)
    for name, need in zip("abcd", "xyxy", strict=True):
        made.held(name, Held(BUILD, need))
    assert begun(made) == {"a": {BUILD, SWITCH}, "b": {BUILD, SWITCH}}


def test_the_builder_of_the_site_compiles_what_it_needs_too() -> None:
    made = rollout(*(replace(client(name), builder="c") for name in "abc"))
    assert list(begun(made)) == ["a", "b", "c"]
    made.held("a", Held(BUILD, "x"))
    assert begun(made) == {}
    made.held("c", Held(BUILD, "x"))
    assert begun(made) == {"c": {BUILD, SWITCH}}


@pytest.mark.parametrize("need", ["y", ""], ids=["another build", "no build"])
def test_what_the_builder_does_not_need_another_one_compiles(need: str) -> None:
    made = rollout(*(replace(client(name), builder="b") for name in "ab"))
    begun(made)
    made.held("a", Held(BUILD, "x"))
    made.held("b", Held(BUILD, need) if need else HELD_AT_SWITCH)
    assert begun(made)["a"] == {BUILD, SWITCH}


def test_where_the_one_that_compiles_fails_the_next_one_tries() -> None:
    made = rollout(client("a"), client("b"))
    begun(made)
    for name in "ab":
        made.held(name, Held(BUILD, "x"))
    assert begun(made) == {"a": {BUILD, SWITCH}}
    made.ended("a", ok=False, tried=True)
    assert begun(made) == {"b": {BUILD, SWITCH}}


def test_an_artifact_that_does_not_hold_on_a_host_is_built_there() -> None:
    made = rollout(client("a"), client("b"))
    begun(made)
    for name in "ab":
        made.held(name, Held(BUILD, "x"))
    begun(made)
    made.made("x")
    assert begun(made) == {"b": ALL}
    made.ended("a", ok=True, tried=True)
    made.held("b", Held(BUILD, "x"))
    assert begun(made) == {"b": {BUILD, SWITCH}}


def test_where_there_are_no_keys_yet_one_host_makes_them() -> None:
    places = [replace(server(name, name), keys_from=file) for name, file in (("a", "k"), ("b", "k"), ("c", "other"))]
    made = rollout(*places)
    assert list(begun(made)) == ["a", "c"]
    made.held("a", Held(BUILD, "x"))
    assert list(begun(made)) == ["a"]
    made.has_keys("k")
    assert list(begun(made)) == ["b"]


def test_who_was_to_make_the_keys_and_failed_leaves_it_to_the_next() -> None:
    made = rollout(*(replace(server(name, name), keys_from="k") for name in "ab"))
    assert list(begun(made)) == ["a"]
    made.ended("a", ok=False, tried=False)
    assert list(begun(made)) == ["b"]


def test_so_many_run_at_once() -> None:
    made = rollout(*(client(name) for name in "abc"), parallel=2)
    assert list(begun(made)) == ["a", "b"]
    made.ended("a", ok=True, tried=True)
    assert list(begun(made)) == ["c"]


def test_after_so_many_failures_the_rest_is_left_alone() -> None:
    made = rollout(*(client(name) for name in "abcd"), parallel=2, max_failures=2)
    begun(made)
    made.ended("a", ok=False, tried=False)
    assert list(begun(made)) == ["c"]
    made.ended("b", ok=False, tried=True)
    assert list(begun(made)) == ["d"]
    made.ended("c", ok=False, tried=True)
    assert begun(made) == {}
    made.ended("d", ok=True, tried=True)
    assert made.left_alone == {}
    assert made.counts == {
        "waiting": 0,
        "running": 0,
        "held": 0,
        "good": 1,
        "bad": 3,
        "left alone": 0,
    }


def test_why_the_rest_was_left_alone_is_told() -> None:
    made = rollout(*(client(name) for name in "abc"), parallel=1, max_failures=1)
    begun(made)
    made.ended("a", ok=False, tried=True)
    assert begun(made) == {}
    why = "1 hosts failed, and --max-failures is 1"
    assert made.left_alone == {"b": why, "c": why}


MANY = 1000
FLEETS = [
    pytest.param([server("s"), *(client(f"c{number}", "s") for number in range(MANY))], "", id="clients of a server"),
    pytest.param([server(f"s{number}") for number in range(MANY)], "", id="servers of a group, in turn"),
    pytest.param([server(f"s{number}") for number in range(MANY)], "s7", id="servers of a group, left alone"),
]


@pytest.mark.parametrize(("places", "fails"), FLEETS)
def test_no_question_about_one_of_many_hosts_asks_all_the_others(places: list[Place], fails: str) -> None:
    """It takes less than a second; where each event asks about all pairs of hosts, minutes."""
    made = rollout(*places)
    begun_at = time.process_time()
    running = list(made.ready())
    while running:
        start = running.pop(0)
        if SWITCH in start.open:
            made.ended(start.name, ok=start.name != fails, tried=True)
        else:
            made.held(start.name, HELD_AT_SWITCH)
        running += made.ready()
        assert made.needs == frozenset()
        assert time.process_time() - begun_at < 20
    assert made.counts["good"] + len(made.left_alone) + bool(fails) == len(places)
    assert bool(made.left_alone) == bool(fails)


@dataclass
class World:
    """Hosts as they are: what each needs, and whether it fails."""

    build: dict[str, str]
    """Host → the build that it has not got."""
    switches: set[str]
    fails: set[str]
    artifacts: set[str] = field(default_factory=set)
    compiled: list[str] = field(default_factory=list)

    def run(self, start: Start) -> Held | bool:
        """Run a host as far as it may: held, or done, well or not."""
        need = self.build.get(start.name)
        if need and need not in self.artifacts:
            if BUILD not in start.open:
                return Held(BUILD, need)
            if start.name in self.fails:
                return False
            self.compiled.append(need)
            self.artifacts.add(need)
        self.build.pop(start.name, None)
        if start.name in self.fails:
            return False
        if start.name in self.switches and SWITCH not in start.open:
            return HELD_AT_SWITCH
        return True


NAMES = "abcdefgh"


@st.composite
def sites(draw: st.DrawFn) -> tuple[list[Place], World]:
    places: list[Place] = []
    builder = draw(st.none() | st.sampled_from(NAMES))
    for name in NAMES[: draw(st.integers(1, len(NAMES)))]:
        before = [place.name for place in places]
        place = Place(
            name=name,
            group=draw(st.sampled_from(["x", "y"])),
            serves=draw(st.booleans()),
            follows=tuple(draw(st.lists(st.sampled_from(before), unique=True))) if before else (),
            max_unavailable=draw(st.integers(1, 2)),
            builder=builder,
            keys_from=draw(st.sampled_from(["", "", "k"])),
        )
        places.append(place)
    some = st.sets(st.sampled_from(NAMES))
    build = {name: draw(st.sampled_from(["p", "q"])) for name in draw(some)}
    return places, World(build=build, switches=draw(some), fails=draw(some))


@given(sites(), st.integers(1, 4), st.none() | st.integers(1, 3), st.randoms(use_true_random=False))
def test_every_rollout_comes_to_its_end_and_keeps_its_promises(
    site: tuple[list[Place], World], parallel: int, max_failures: int | None, chance: object
) -> None:
    places, world = site
    by_name = {place.name: place for place in places}
    made = Rollout(places, parallel=parallel, max_failures=max_failures)
    running: list[Start] = []
    over: dict[str, bool] = {}
    for _ in range(10 * len(places) + 10):
        for start in made.ready():
            assert_may(start, running, over, by_name)
            running.append(start)
        assert len(running) <= parallel
        if not running:
            break
        start = running.pop(chance.randrange(len(running)))  # type: ignore[attr-defined]
        match world.run(start):
            case Held() as held:
                made.held(start.name, held)
            case bool() as ok:
                made.ended(start.name, ok=ok, tried=True)
                over[start.name] = ok
        made.has_keys("k")
        for need in made.needs & world.artifacts:
            made.made(need)
    assert running == []
    assert over.keys() | made.left_alone.keys() == by_name.keys()
    assert over.keys() & made.left_alone.keys() == set()
    # Exactly one compiles.
    assert sorted(world.compiled) == sorted(set(world.compiled))


def assert_may(start: Start, running: Iterable[Start], over: dict[str, bool], places: dict[str, Place]) -> None:
    """Assert that a group loses no more servers by it than it may, and that it comes after those that it follows."""
    place = places[start.name]
    if SWITCH not in start.open:
        return
    assert all(over[other] for other in place.follows)
    lost = {one.name for one in running if SWITCH in one.open} | {name for name, ok in over.items() if not ok}
    lost = {name for name in lost if places[name].serves and places[name].group == place.group}
    assert not place.serves or len(lost) < place.max_unavailable
