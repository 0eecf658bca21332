"""Each way in which a deployment can end early: exit status, text, JSON and summary, from what was sent to the host."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from provision.common.errors import HostUnreachable
from provision.common.results import Status
from provision.deploy.deploy import deploy
from provision.deploy.verify import verify
from provision.host import host as host_module
from provision.host.transport import Output
from provision.output.fleet_text import fleet_text
from provision.output.json_report import HostData
from provision.output.report import exit_status
from provision.output.report_text import ending_text
from tests.helpers.script_calls import Call
from tests.helpers.scripted_host import Guard
from tests.helpers.scripted_state import Answer
from tests.unit.deploy.conftest import Operator

pytestmark = pytest.mark.usefixtures("source")


def lose_connection(_: Call) -> str:
    raise HostUnreachable("ntp1: the connection was lost")


def interrupt(operator: Operator) -> Callable[[Call], str]:
    """Return an answer during which the operator interrupts the run, which closes the connection."""

    def answer(call: Call) -> str:
        operator.cancellation.cancel()
        return lose_connection(call)

    return answer


def fill_log(operator: Operator) -> Callable[[Call], str]:
    """Return an answer during which the disk with the log becomes full; the device really refuses each byte."""

    def answer(_: Call) -> str:
        (log,) = (path for path in Path("/proc/self/fd").iterdir() if path.resolve() == operator.home / "log")
        with Path("/dev/full").open("w") as full:
            os.dup2(full.fileno(), int(log.name))
        return ""

    return answer


def break_folder(folder: Path) -> Callable[[Call], str]:
    """Return an answer during which a folder of this machine becomes a file, so that nothing can be kept there."""

    def answer(_: Call) -> str:
        shutil.rmtree(folder, ignore_errors=True)
        folder.write_text("a file")
        return ""

    return answer


def lock_host(_: Operator, patch: pytest.MonkeyPatch) -> None:
    lines = iter(["busy bob@laptop", ""])
    patch.setattr(Guard, "read_line", lambda *_: next(lines))
    patch.setattr(Guard, "close", lambda _: Output(75, ""))


def answer_with(name: str, make: Callable[[Operator], object]) -> Callable[[Operator, pytest.MonkeyPatch], None]:
    """Return a fault that the host shows when it is asked, or told, something."""

    def prepare(operator: Operator, _: pytest.MonkeyPatch) -> None:
        operator.host.answers[name] = make(operator)  # type: ignore[assignment]

    return prepare


@dataclass(frozen=True)
class End:
    """How a run ends."""

    status: int
    verdict: str
    summary: str
    error: str
    may_have_changed: bool = False


UNTOUCHED = "not tried"
CASES = [
    pytest.param(
        answer_with("look_file_systems", lambda _: lose_connection),
        End(2, UNTOUCHED, "1 not tried; nothing changed", "ntp1: the connection was lost"),
        id="lost before a change",
    ),
    pytest.param(
        answer_with("make account", lambda _: lose_connection),
        End(
            1,
            "FAILED, may have changed",
            "1 FAILED; 1 may have changed",
            "ntp1: the connection was lost",
            may_have_changed=True,
        ),
        id="lost in the first change",
    ),
    pytest.param(
        answer_with("switch", lambda _: lose_connection),
        End(1, "FAILED, 4 changed", "1 FAILED; 1 changed", "ntp1: the connection was lost", may_have_changed=True),
        id="lost in the switch",
    ),
    pytest.param(
        answer_with("look_file_systems", interrupt),
        End(2, UNTOUCHED, "1 not tried; nothing changed", "interrupted; "),
        id="interrupted before a change",
    ),
    pytest.param(
        answer_with("make account", interrupt),
        End(1, "FAILED, may have changed", "1 FAILED; 1 may have changed", "interrupted; ", may_have_changed=True),
        id="interrupted in a change",
    ),
    pytest.param(
        lock_host,
        End(2, UNTOUCHED, "1 not tried; nothing changed", "ntp1: locked by bob@laptop; "),
        id="locked by another run",
    ),
    pytest.param(
        answer_with("look_file_systems", lambda _: Output(1, "", "df: no such file system")),
        End(1, "FAILED, nothing changed", "1 FAILED; nothing changed", "ntp1: "),
        id="a question failed on the host",
    ),
    pytest.param(
        answer_with("make account", lambda _: Output(1, "", "useradd: cannot lock /etc/passwd")),
        End(1, "FAILED, may have changed", "1 FAILED; 1 may have changed", "ntp1: ", may_have_changed=True),
        id="a change failed on the host",
    ),
    pytest.param(
        answer_with("make account", fill_log),
        End(1, "FAILED, 1 changed", "1 FAILED; 1 changed", "/", may_have_changed=True),
        id="the log is full after the first change",
    ),
]


@pytest.mark.parametrize(("prepare", "end"), CASES)
def test_text_json_summary_and_exit_status_agree(
    prepare: Callable[[Operator, pytest.MonkeyPatch], None],
    end: End,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepare(operator, monkeypatch)
    report = operator.run(deploy)
    assert (report.error or "").startswith(end.error)
    assert ending_text(report).splitlines()[-1].startswith(f"  {end.verdict} (")
    assert fleet_text([report]).splitlines()[0] == f"1 hosts: {end.summary}"
    data = HostData.of(report)
    assert (data.ok, data.tried, data.may_have_changed) == (False, end.status == 1, end.may_have_changed)
    assert exit_status([report]) == end.status


WAITS = (
    r"; the switch to generation \w{16} was begun and is not confirmed: unless a run confirms it, the host rolls back "
    r"by itself, at about \d\d:\d\d:\d\d of this machine's clock at the latest"
)
SWITCHES = [
    pytest.param("stage", interrupt, r"interrupted; .*; nothing was switched", False, id="interrupted before it"),
    pytest.param("switch", interrupt, f"interrupted; .*{WAITS}", True, id="interrupted in the switch"),
    pytest.param("print_evidence", interrupt, f"interrupted; .*{WAITS}", True, id="interrupted in the proof"),
    pytest.param(
        "switch", lambda _: lose_connection, f"ntp1: the connection was lost{WAITS}", True, id="lost in the switch"
    ),
    pytest.param(
        "switch", lambda _: Output(1, "", "chronyd does not start"), r"(?!.*not confirmed).*", False, id="switch failed"
    ),
    pytest.param("make_links", interrupt, r"interrupted; [^;]*", False, id="interrupted after the confirmation"),
]


@pytest.mark.parametrize(("name", "fault", "words", "waits"), SWITCHES)
def test_a_run_that_ends_in_a_switch_says_how_the_switch_will_end(
    name: str,
    fault: Callable[[Operator], Answer],
    words: str,
    waits: bool,  # noqa: FBT001 -- of a case
    operator: Operator,
) -> None:
    operator.host.answers[name] = fault(operator)
    begun = datetime.now(UTC)
    report = operator.run(deploy)
    assert re.fullmatch(words, report.error or "", re.DOTALL)
    reverts_by = HostData.of(report).reverts_by
    assert (reverts_by is not None) is waits
    if reverts_by is not None:
        seconds = (datetime.fromisoformat(reverts_by) - begun).total_seconds()
        assert operator.settings.options.confirm_timeout - 1 <= seconds < 600


def test_the_timer_of_a_slow_host_runs_for_longer_in_its_proof(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = count(0, 4)
    monkeypatch.setattr(host_module, "monotonic", lambda: next(seconds))
    proofs: list[Call] = []

    def lose_in_proof(call: Call) -> str:
        proofs.append(call)
        return lose_connection(call)

    operator.host.answers["print_evidence"] = lose_in_proof
    operator.run(deploy)
    assert proofs[-1].values["seconds"] == str(operator.settings.options.confirm_timeout + 40)


def test_a_confirmed_daemon_that_is_only_started_anew_waits_for_no_confirmation(operator: Operator) -> None:
    operator.run(deploy)
    operator.host.running = ""
    report = operator.run(deploy)
    assert report.ok
    assert [outcome.id for outcome in report.outcomes if outcome.status is Status.CHANGED] == ["active"]
    assert HostData.of(report).reverts_by is None


def test_a_store_that_is_full_after_the_compilation_is_a_failure(operator: Operator) -> None:
    operator.host.built = False
    operator.host.downloads = operator.built_files()
    operator.host.answers["pack_build"] = break_folder(operator.artifacts.folder)
    report = operator.run(deploy)
    assert (report.error or "").startswith(f"cannot write {operator.artifacts.folder}/chrony-")
    assert (exit_status([report]), report.may_have_changed) == (1, True)


def test_a_store_that_is_full_before_the_compilation_leaves_the_host_untouched(operator: Operator) -> None:
    operator.host.built = False
    break_folder(operator.artifacts.folder)(Call(""))
    report = operator.run(deploy)
    assert str(operator.artifacts.folder) in (report.error or "")
    assert (exit_status([report]), operator.host.told) == (2, [])


def test_new_keys_that_cannot_be_kept_after_the_build_are_a_failure(operator: Operator) -> None:
    operator.key_file.unlink()
    operator.host.built = False
    operator.host.downloads = operator.built_files()
    operator.host.answers["place_build"] = break_folder(operator.key_file.parent)
    report = operator.run(deploy)
    assert str(operator.key_file.parent) in (report.error or "")
    assert (exit_status([report]), report.may_have_changed) == (1, True)


def test_a_check_that_is_cut_off_is_no_failure_of_the_host(operator: Operator) -> None:
    operator.run(deploy)
    operator.host.answers["print_evidence"] = lose_connection
    report = operator.run(verify)
    assert (exit_status([report]), report.may_have_changed) == (2, False)


def test_a_host_with_a_closed_gate_is_still_changed_when_it_is_lost_later(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.open = frozenset()
    first = operator.run(deploy)
    assert first.stopped_at is not None
    lost = HostUnreachable("ntp1: no answer")

    def reach(*_: object, **__: object) -> None:
        raise lost

    monkeypatch.setattr("provision.host.session._reach", reach)
    second = operator.run(deploy, first)
    assert (second.error, second.stopped_at, exit_status([second])) == ("ntp1: no answer", None, 1)
