"""What a host remembers of its generations, and the ways back: rollback, and the host's own switch at 3 a.m."""

import re
from collections.abc import Iterator

import pytest

from provision.deploy.history_records import Record, parse_history
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login
from tests.helpers.host_state import builds, current, give_builds, pid
from tests.helpers.operators import Operator, Ran
from tests.helpers.waiting import await_true
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

SWITCH = "/opt/chrony/switch"
OLDER = "--chrony=4.6.1"
WHO = re.compile(r"[\w.-]+@[\w.-]+")


@pytest.fixture(scope="module")
def host(deployed: Deployed) -> Iterator[Sandbox]:
    """A host that has two builds and nothing else."""
    assert deployed.run("build", OLDER).status == 0
    with booted("it-history") as one:
        give_builds(deployed.host, one)
        login(deployed.host, "rm -r /opt/chrony/builds/chrony-4.6.1-*")
        yield one


@pytest.fixture
def operator(deployed: Deployed) -> Operator:
    return deployed.operator


def run(operator: Operator, host: Sandbox, task: str, *words: str) -> Ran:
    return operator.run(task, f"--host=sandbox:{host.name}", *words)


def skewed(operator: Operator, skew: int, text: str = "") -> str:
    """Another skew is another generation."""
    return operator.site(f"{text}\n[time]\nmaxupdateskew = {skew}.0\n")


def events(host: Sandbox) -> tuple[Record, ...]:
    return parse_history((host.root / "opt/chrony/history").read_text())


def generations(host: Sandbox) -> set[str]:
    return {path.name for path in (host.root / "opt/chrony/generations").iterdir()}


def executable(host: Sandbox) -> str:
    return login(host, f"readlink /proc/{pid(host)}/exe")


def test_a_host_without_a_past_says_so(host: Sandbox, operator: Operator) -> None:
    history = run(operator, host, "history")
    assert history.status == 0
    assert "nothing was ever deployed here" in history.output
    rollback = run(operator, host, "rollback")
    assert rollback.status == 2
    assert rollback.error.endswith("nothing is deployed here; inv deploy deploys")


def test_one_generation_has_none_before_it(host: Sandbox, operator: Operator) -> None:
    run(operator, host, "deploy").assert_proven()
    first, then = events(host)
    assert (first.outcome, first.changed, then.outcome) == ("active", "-", "confirmed")
    assert WHO.fullmatch(first.who)
    assert first.build in builds(host)
    rollback = run(operator, host, "rollback")
    assert rollback.status == 2
    assert rollback.error.endswith(f"no generation ran here before the current one; it has {current(host)}")


def test_the_changes_are_listed_and_the_state_of_chronyd_stays(host: Sandbox, operator: Operator) -> None:
    # Until a frequency is known, there is nothing to keep.
    login(host, "chronyc waitsync 60 0 0.5 1")
    run(operator, host, "deploy", skewed(operator, 50)).assert_proven()
    (*_, active, _) = events(host)
    assert active.changed == "conf"
    log = login(host, f"journalctl -u chronyd -o cat --no-pager _PID={pid(host)}")
    assert re.search(r"^Frequency .* read from /var/lib/chrony/chrony.drift$", log, re.MULTILINE)
    assert "Loaded dump file for 198.19.0.2\n" in log


def test_an_older_chrony_changes_build_and_unit(host: Sandbox, operator: Operator) -> None:
    run(operator, host, "deploy", OLDER).assert_proven()
    (*_, active, _) = events(host)
    assert set(active.changed.split(",")) >= {"build", "unit"}
    assert active.build.startswith("chrony-4.6.1-")
    assert "/chrony-4.6.1-" in executable(host)


def test_history_is_a_table_that_marks_the_current_generation(host: Sandbox, operator: Operator) -> None:
    history = run(operator, host, "history")
    assert (history.status, history.report["round_trips"]) == (0, 2)
    lines = history.output.splitlines()
    (head,) = [number for number, line in enumerate(lines) if line.startswith("  when ")]
    table = lines[head + 1 : head + 4]
    assert [line.split()[1] for line in table] == ["deployed"] * 3
    assert ["proven and confirmed" in line for line in table] == [True] * 3
    assert [current(host) in line for line in table if line.endswith(" current")] == [True]
    told = history.report["history"]
    assert [(event["kind"], event["result"]) for event in told] == [("deployed", "proven and confirmed")] * 3
    assert [event["generation"] for event in told if event["current"]] == [current(host)]


def test_rollback_goes_to_the_one_before(host: Sandbox, operator: Operator) -> None:
    before = [event.generation for event in events(host)][-3]
    rollback = run(operator, host, "rollback")
    rollback.assert_proven()
    assert current(host) == before
    assert "/chrony-4.9-" in executable(host)
    assert any("the next deployment puts back what the site says" in note for note in rollback.report["notes"])
    assert [event.outcome for event in events(host)][-2:] == ["active", "confirmed"]
    last = run(operator, host, "history").report["history"][-1]
    assert (last["kind"], last["generation"], last["current"]) == ("rolled back", before, True)


def test_rollback_and_again_is_back_and_forth(host: Sandbox, operator: Operator) -> None:
    run(operator, host, "rollback").assert_proven()
    assert "/chrony-4.6.1-" in executable(host)
    run(operator, host, "rollback").assert_proven()
    assert "/chrony-4.9-" in executable(host)


def test_rollback_to_a_generation_by_its_name(host: Sandbox, operator: Operator) -> None:
    (older,) = {event.generation for event in events(host) if event.build.startswith("chrony-4.6.1-")}
    run(operator, host, "rollback", f"--to={older}").assert_proven()
    assert current(host) == older
    assert "/chrony-4.6.1-" in executable(host)
    again = run(operator, host, "rollback", f"--to={older}")
    again.assert_proven()
    assert again.changed == {}


@pytest.mark.parametrize("to", ["0123456789abcdef", "../../../etc", "x; reboot"])
def test_rollback_to_a_missing_generation_names_the_existing_ones(host: Sandbox, operator: Operator, to: str) -> None:
    before = pid(host)
    rollback = run(operator, host, "rollback", f"--to={to}")
    assert rollback.status == 2
    assert f"--to {to}: no such generation here; it has " in rollback.error
    assert all(name in rollback.error for name in generations(host))
    assert pid(host) == before


def test_a_generation_that_did_not_come_up_is_nothing_to_go_back_to(host: Sandbox, operator: Operator) -> None:
    run(operator, host, "deploy", skewed(operator, 51)).assert_proven()
    good = current(host)
    broken = run(operator, host, "deploy", operator.site("[time]\nextra = ['refclock PHC /dev/null']\n"))
    assert broken.status == 1
    assert current(host) == good
    (bad,) = {event.generation for event in events(host) if event.outcome == "failed"}
    rollback = run(operator, host, "rollback")
    rollback.assert_proven()
    assert current(host) not in {good, bad}


def test_three_generations_stay_and_the_builds_that_they_need(host: Sandbox, operator: Operator) -> None:
    for skew in (61, 62, 63):
        run(operator, host, "deploy", skewed(operator, skew)).assert_proven()
    assert len(generations(host)) == 3
    ran = [event.generation for event in events(host) if event.outcome == "confirmed"]
    assert generations(host) == set(ran[-3:])
    assert {name.split("-")[1] for name in builds(host)} == {"4.9"}
    assert "no build" not in login(host, "for g in /opt/chrony/generations/*; do ls $g/build/bin >/dev/null; done")


def test_how_many_stay_is_for_the_site_to_say(host: Sandbox, operator: Operator) -> None:
    before = current(host)
    run(operator, host, "deploy", skewed(operator, 64, "[service]\nkeep = 2")).assert_proven()
    assert generations(host) == {before, current(host)}


def test_the_hosts_own_switch_at_3_a_m(host: Sandbox, operator: Operator) -> None:
    (other,) = generations(host) - {current(host)}
    login(host, f"{SWITCH} {other}")
    assert current(host) == other
    assert (events(host)[-1].who, events(host)[-1].outcome) == ("root", "active")
    assert not (host.root / "opt/chrony/unconfirmed").exists()
    run(operator, host, "rollback").assert_proven()
    assert current(host) != other


def test_a_switch_by_hand_goes_back_in_seconds_unless_it_is_confirmed(host: Sandbox, operator: Operator) -> None:
    before = current(host)
    (other,) = generations(host) - {before}
    login(host, f"{SWITCH} {other} 600")
    assert current(host) == other
    login(host, f"{SWITCH} --back")
    assert (current(host), pid(host) != 0) == (before, True)
    assert [event.outcome for event in events(host)][-3:] == ["active", "not-confirmed", "active"]
    assert login(host, "ls /etc/systemd/system | grep undo || true") == ""
    assert login(host, f"{SWITCH} {other} 600; {SWITCH} --confirm {other}") == f"generation {other} runs\n"
    assert current(host) == other
    assert run(operator, host, "history").report["history"][-1]["result"] == "confirmed by hand"
    assert login(host, f"{SWITCH} --back 2>&1 || echo $?").startswith(
        "nothing waits to be confirmed; name a generation"
    )


def test_an_unconfirmed_switch_is_named_with_the_way_back(host: Sandbox, operator: Operator) -> None:
    before = current(host)
    (other,) = generations(host) - {before}
    login(host, f"{SWITCH} {other} 600")
    try:
        words = f"unconfirmed: the host goes back to generation {before} at "
        verified = run(operator, host, "verify")
        assert verified.status == 1
        assert any(words in finding["seen"] for finding in verified.findings("site.confirmed"))
        status = run(operator, host, "status").report["status"]
        assert (status["generation"], status["confirmed"]) == (other, False)
        assert status["unconfirmed"]["fallback"] == before
        assert 400 < status["unconfirmed"]["seconds_left"] <= 600
        history = run(operator, host, "history")
        assert history.report["history"][-1]["result"] == "waits to be confirmed"
        assert words in history.output
    finally:
        login(host, f"{SWITCH} --back")
    last = run(operator, host, "history").report["history"][-1]
    assert (last["kind"], last["generation"]) == ("went back", before)


def test_a_clock_that_is_not_synchronised_is_a_failure_of_status(host: Sandbox, operator: Operator) -> None:
    assert run(operator, host, "status").status == 0
    login(host, "chronyc offline && chronyc reset sources")
    try:
        status = run(operator, host, "status")
        assert (status.status, status.held("clock.synchronised")) == (1, False)
        assert status.report["status"]["clock"]["synchronised"] is False
    finally:
        login(host, "chronyc online && chronyc waitsync 60")


LATE = f"""set -e
trap 'systemctl kill -s CONT chrony-undo.service 2>/dev/null' EXIT
{SWITCH} $other 15 >/dev/null
exec 9>>/opt/chrony/locks/switch
flock 9
timeout 60 sh -c 'until pgrep -x flock >/dev/null; do sleep 0.1; done'
# Whoever comes next is faster than the one that waits.
# It fails with EIO if a process of the unit ends meanwhile.
timeout 60 sh -c 'until systemctl kill -s STOP chrony-undo.service; do sleep 0.1; done'
timeout 60 sh -c 'until grep -q "^State:.T" "/proc/$(pgrep -x flock)/status"; do sleep 0.1; done'
exec 9>&-
{SWITCH} $other 600 >/dev/null
systemctl kill -s CONT chrony-undo.service 2>/dev/null || true
sleep 2
readlink /opt/chrony/current
systemctl is-failed chrony-undo.service || true
"""


def test_a_timer_that_went_off_does_not_undo_a_later_switch(host: Sandbox) -> None:
    before = current(host)
    (other,) = generations(host) - {before}
    assert login(host, f"other={other}\n{LATE}").split() == [f"generations/{other}", "inactive"]
    login(host, f"{SWITCH} --back")
    assert current(host) == before


def goes_back(host: Sandbox) -> None:
    """Wait until nothing waits to be confirmed any more."""
    await_true(lambda: not (host.root / "opt/chrony/unconfirmed").exists(), "it does not go back")


def test_what_waits_can_be_told_to_wait_for_another_time(host: Sandbox) -> None:
    before = current(host)
    (other,) = generations(host) - {before}
    assert "does not wait" in login(host, f"{SWITCH} --wait {before} 9 2>&1 || true")
    login(host, f"{SWITCH} {other} 600; {SWITCH} --wait {other} 500")
    # What was counted when it was switched to is still known.
    restarts = login(host, "grep '^restarts=' /opt/chrony/unconfirmed")
    assert restarts.strip() == "restarts=0"
    assert current(host) == other
    login(host, f"{SWITCH} --wait {other} 1")
    goes_back(host)
    assert current(host) == before


def test_a_generation_that_never_ran_waits_unchanged(host: Sandbox) -> None:
    # The power was cut between the arming of the timer and the switch.
    before = current(host)
    (other,) = generations(host) - {before}
    login(host, f"printf 'generation=%s\\nfallback=%s\\n' {other} {before} >/opt/chrony/unconfirmed")
    login(host, f"{SWITCH} --wait {before} 1")
    goes_back(host)
    assert (current(host), pid(host) != 0) == (before, True)
    assert [(event.generation, event.outcome) for event in events(host)[-2:]] == [
        (other, "not-confirmed"),
        (before, "active"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        "",
        "nosuch",
        "--nonsense",
        "--confirm",
        "--wait {current}",
        "--wait {current} soon",
        "../../etc",
        "{current} soon",
    ],
)
def test_the_switch_explains_itself_and_changes_nothing(host: Sandbox, words: str) -> None:
    before = (pid(host), events(host))
    said = login(host, f"{SWITCH} {words.format(current=current(host))} 2>&1 || echo status $?").splitlines()
    if words == "nosuch":
        assert said.pop(0) == "there is no generation nosuch"
    assert said[0].startswith("switch GENERATION  ")
    assert said[-2].split() == ["generations:", *sorted(generations(host))]
    assert said[-1] == "status 2"
    assert (pid(host), events(host)) == before


def test_a_deployment_restores_the_state_of_the_site_file(host: Sandbox, operator: Operator) -> None:
    run(operator, host, "deploy").assert_proven()
    assert run(operator, host, "deploy").changed == {}
