"""One run at a time on a host; and nothing is left of one that was interrupted, killed, cut off, or fell asleep."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import ROOT, booted, login
from tests.helpers.cable import Cable
from tests.helpers.host_state import current, find, pid, work_folders
from tests.helpers.operators import SITE, Operator
from tests.helpers.waiting import await_true

pytestmark = pytest.mark.integration

SMALL = f'[release]\nnettle = "system"\n[build]\non = "host"\nnts = false\nreadline = false\n{SITE}'
"""A recipe that is built in seconds."""
OTHER = "--chrony=4.6.1"
"""Another recipe."""
BUILDING, REHEARSING, SWITCHING = "--- building chrony", "--- rehearsing", "--- switching"
SKEWS = count(100)
"""A site with another maxupdateskew is another generation."""

WORKERS = r"""
work=/opt/chrony/work
for process in /proc/[0-9]*; do
    case $(readlink "$process/cwd") in "$work"/*) tr '\0' ' ' <"$process/cmdline"; echo ;; esac
done
pgrep -al 'make|cc1|^as$' || true
"""
GUARDS = 'for fd in /proc/[0-9]*/fd/9; do [ "$(readlink "$fd")" != /opt/chrony/locks/host ] || echo "$fd"; done'
"""The guard and what it waits for, by the lock that they hold."""


@pytest.fixture(scope="module")
def host() -> Iterator[Sandbox]:
    with booted("it-locks") as one:
        yield one


@pytest.fixture(scope="module")
def operator(host: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Somebody who has deployed the host once."""
    one = Operator(tmp_path_factory.mktemp("operator"))
    one.meet(host)
    one.run("deploy", address(host), one.site(SMALL)).assert_proven()
    return one


@pytest.fixture
def colleague(host: Sandbox, operator: Operator, tmp_path: Path) -> Operator:
    """Somebody else, with the same keys."""
    one = Operator(tmp_path)
    one.meet(host)
    one.key_file.parent.mkdir(parents=True)
    one.key_file.touch(mode=0o600)
    one.key_file.write_text(operator.key_file.read_text())
    return one


def address(host: Sandbox) -> str:
    return f"--host=root@{host.address}"


def new_site(operator: Operator) -> str:
    return operator.site(f"time.maxupdateskew = {next(SKEWS)}.0\n{SMALL}")


def forget_build(host: Sandbox, operator: Operator) -> None:
    """Have the next run of OTHER build again."""
    login(host, "rm -rf /opt/chrony/builds/chrony-4.6.1-*")
    shutil.rmtree(operator.artifacts, ignore_errors=True)


def assert_tidy(host: Sandbox) -> None:
    """Assert that no run has left anything, but for a switch that still waits to be confirmed."""
    await_true(lambda: login(host, WORKERS) == "", "somebody is at work")
    await_true(lambda: work_folders(host) == [], "a work folder is left")
    assert (host.root / "opt/chrony/locks/host").read_text() == ""
    # A switch that was begun goes on by itself, and restarts the daemon meanwhile.
    await_true(lambda: len(login(host, "pidof chronyd || true").split()) == 1, "it is not the service's alone")
    left = find(host.root / "opt/chrony", "*.new*", "*.broken*")
    assert left == []
    assert [path for path in (host.root / "tmp").iterdir() if not path.name.startswith(("systemd-", "."))] == []


def assert_serving(host: Sandbox, operator: Operator, *site: str) -> None:
    """Assert that the generation which is current answers, with each finding held."""
    assert pid(host) != 0
    operator.run("verify", address(host), *site).assert_proven()


def test_the_second_of_two_runs_names_the_first_or_waits_for_it(
    host: Sandbox, operator: Operator, colleague: Operator
) -> None:
    forget_build(host, operator)
    first = operator.start("deploy", address(host), operator.site(SMALL), OTHER)
    operator.await_log(first, BUILDING)
    site = new_site(colleague)
    refused = colleague.run("deploy", address(host), site)
    plan = colleague.run("plan", address(host), site)
    waiting = colleague.start("deploy", address(host), site, "--lock-timeout=600")
    done = operator.end(first)
    waited = colleague.end(waiting)

    assert refused.status == 2
    assert re.fullmatch(
        r"\S+: locked by \w+@\S+ since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; "
        r"wait with --lock-timeout SECONDS, or try again later",
        refused.error,
    )
    assert refused.report["round_trips"] == 4, "facts, survey, proof, lock"
    assert refused.report["seconds"] < 3, "one on a quiet machine; this one compiles"
    assert plan.status == 3, "who changes nothing minds nobody"
    done.assert_proven()
    waited.assert_proven()
    assert ": locked by " in waited.output
    assert_tidy(host)


def test_a_control_process_that_was_killed_gives_way_at_once(
    host: Sandbox, operator: Operator, colleague: Operator
) -> None:
    forget_build(host, operator)
    process = operator.start("deploy", address(host), operator.site(SMALL), OTHER)
    operator.await_log(process, BUILDING)
    process.kill()
    operator.end(process)
    assert_tidy(host)
    colleague.run("deploy", address(host), new_site(colleague)).assert_proven()
    assert_tidy(host)


@pytest.mark.parametrize("words", [BUILDING, REHEARSING])
def test_a_connection_that_was_cut_gives_way_at_once(
    host: Sandbox, operator: Operator, colleague: Operator, words: str
) -> None:
    if words == BUILDING:
        forget_build(host, operator)
    cable = Cable(host)
    operator.known_hosts.write_text(cable.known_host + operator.known_hosts.read_text())
    process = operator.start("deploy", cable.target, new_site(operator), *([OTHER] if words == BUILDING else []))
    operator.await_log(process, words)
    cable.cut()
    ran = operator.end(process)
    assert ran.status == 1
    assert "run the same command again to complete it" in ran.error
    assert_tidy(host)
    colleague.run("deploy", address(host), new_site(colleague)).assert_proven()


@pytest.mark.parametrize("which", [pytest.param("", id="the guard"), pytest.param(" and all it waits for", id="all")])
def test_the_next_run_tidies_up_behind_a_guard_that_was_killed(
    host: Sandbox, operator: Operator, colleague: Operator, which: str
) -> None:
    forget_build(host, operator)
    process = operator.start("deploy", address(host), operator.site(SMALL), OTHER)
    operator.await_log(process, BUILDING)
    pids = sorted(int(line.split("/")[2]) for line in login(host, GUARDS).splitlines())
    assert len(pids) >= 2, "sh and what it waits for"
    login(host, f"kill -KILL {' '.join(map(str, pids if which else pids[:1]))}")
    process.kill()
    operator.end(process)
    assert len(work_folders(host)) == 1, "nobody has tidied up"
    colleague.run("deploy", address(host), new_site(colleague)).assert_proven()
    assert_tidy(host)


@pytest.mark.parametrize("words", [BUILDING, REHEARSING, SWITCHING])
def test_ctrl_c(host: Sandbox, operator: Operator, words: str) -> None:
    if words == BUILDING:
        forget_build(host, operator)
    line = (
        "deploy",
        address(host),
        new_site(operator),
        "--confirm-timeout=15",
        *([OTHER] if words == BUILDING else []),
    )
    process = operator.start(*line)
    operator.await_log(process, words)
    interrupt(operator, process)
    assert_tidy(host)
    assert pid(host) != 0
    operator.run(*line).assert_proven()
    assert_tidy(host)


def test_ctrl_c_during_the_proof_and_the_host_goes_back_by_itself(host: Sandbox, operator: Operator) -> None:
    before, site = current(host), new_site(operator)
    process = operator.start("deploy", address(host), site, "--confirm-timeout=15")
    assert process.stdout is not None
    for line in process.stdout:
        if "begun" in line and "proven and confirmed" in line:
            break
    interrupt(operator, process)
    assert current(host) != before
    assert_tidy(host)
    findings = operator.run("verify", address(host), site).report["findings"]
    # It serves, and verify says that it is not confirmed.
    wrong = [finding["subject"] for finding in findings if finding["holds"] is False]
    assert [subject for subject in wrong if "proven and confirmed" not in subject] == []
    assert wrong != []
    await_true(lambda: current(host) == before, "it does not go back")
    await_true(lambda: not (host.root / "opt/chrony/unconfirmed").exists(), "it waits to be confirmed")
    await_true(lambda: find(host.root / "etc/systemd/system", "*chrony-undo*") == [], "the timer is left")
    operator.run("deploy", address(host), site).assert_proven()
    assert current(host) != before


def interrupt(operator: Operator, process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGINT)
    ran = operator.end(process)
    assert ran.status == 130
    assert ran.errors == "interrupted; run the same command again to complete it\n"


def test_a_control_machine_that_slept_for_too_long_is_refused(
    host: Sandbox, operator: Operator, colleague: Operator
) -> None:
    before = current(host)
    words = ("deploy", address(host), new_site(operator), "--json", str(operator._report))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.suspended_control", "2", "rehearsing", *words],
        cwd=ROOT,
        env=operator.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        await_true(lambda: state(process) == "T", "it does not stop")
        await_true(lambda: work_folders(host) == [], "it is not given up")
        colleague.run("deploy", address(host), new_site(colleague)).assert_proven()
        others = current(host)
    finally:
        process.send_signal(signal.SIGCONT)
        ran = operator.end(process)
    assert ran.status == 1
    # Where the connection itself did not outlive the sleep, that is told instead.
    assert re.search(r"the connection was (lost for too long$|(lost|closed); run the same command again)", ran.error)
    assert before != current(host) == others
    assert_tidy(host)


def state(process: "subprocess.Popen[str]") -> str:
    """Return the letter that proc(5) has for the state of a process."""
    return Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
