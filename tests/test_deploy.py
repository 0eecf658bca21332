"""The story of one host, told on this machine by stories that touch nothing."""
# ruff: noqa: FBT001, FBT003, ARG001 -- a parameter of a case; a finding reads best as claim, holds, seen; a story that needs no run

from collections.abc import Callable
from pathlib import Path

import pytest

from provision.converge import Outcome, Status
from provision.errors import (
    BuildRefused,
    ClusterFailed,
    CommandFailed,
    FetchError,
    HostUnreachable,
    NotConverged,
    ParseError,
    ProvisionError,
    RehearsalFailed,
    SandboxError,
    SiteError,
    StoreError,
)
from provision.findings import Finding
from provision.progress.lines import Lines
from provision.prove import Proof
from provision.report import Report, exit_status
from provision.run import NOT_TRIED, Job, Run, run_on
from provision.target import parse_target
from provision.wish import Options, make_wish
from tests import sudo
from tests.booted import assert_nowhere
from tests.sample import KEYS, SECRET


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be an operator with a home of his own, and a sudo that asks for nothing."""
    sudo.install(tmp_path, monkeypatch, password="")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tell(story: Callable[[Run], None], host: str = "local") -> Report:
    wish = make_wish(Options())
    with Lines() as progress:
        return run_on(Job(target=parse_target(host), wish=wish, story=story), progress)


def test_a_good_run_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    def story(run: Run) -> None:
        sun = Finding("the sun shines", True, "through the window")
        run.found(Proof((sun, Finding("it is warm", None, "no thermometer")), ("take a hat",)))

    report = tell(story)
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [
        "local",
        "  ok         the sun shines  (through the window)",
        "  not tried  it is warm  (no thermometer)",
    ]
    assert said[3] == "  note       take a hat"
    assert said[4].startswith("  as wanted, nothing changed (1 round trips, ")
    assert len(said) == 5
    assert (report.ok, report.tried, report.log, report.platform != "") == (True, True, None, True)
    assert exit_status([report]) == 0


CHANGED = Outcome(title="a step", status=Status.CHANGED, reason="missing")
ERRORS = [
    pytest.param(SiteError, False, 2, id="wish"),
    pytest.param(FetchError, False, 2, id="fetch"),
    pytest.param(HostUnreachable, False, 2, id="unreachable"),
    pytest.param(StoreError, False, 2, id="store"),
    pytest.param(SandboxError, False, 2, id="sandbox"),
    pytest.param(ClusterFailed, False, 1, id="cluster"),
    pytest.param(CommandFailed, False, 1, id="command"),
    pytest.param(BuildRefused, False, 1, id="build"),
    pytest.param(NotConverged, False, 1, id="not converged"),
    pytest.param(RehearsalFailed, False, 1, id="rehearsal"),
    pytest.param(ParseError, False, 1, id="parse"),
    pytest.param(HostUnreachable, True, 1, id="lost after a change"),
    pytest.param(FetchError, True, 1, id="fetch after a change"),
]


@pytest.mark.parametrize(("error", "changed", "status"), ERRORS)
def test_an_error_ends_the_run_in_one_line(
    error: type[ProvisionError], changed: bool, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def story(run: Run) -> None:
        if changed:
            run.report.outcomes.append(CHANGED)
        raise error("ntp1: it rains")

    report = tell(story)
    assert (report.error, exit_status([report])) == ("ntp1: it rains", status)
    said = capsys.readouterr().out.splitlines()
    assert said[1:3] == ["  FAILED     ntp1: it rains", f"  log        {report.log}"]
    assert report.log is not None
    assert Path(report.log).read_text().endswith("error: ntp1: it rains\n")


def test_every_kind_of_error_is_counted() -> None:
    kinds = {case.values[0] for case in ERRORS}
    assert kinds == set(ProvisionError.__subclasses__())
    assert set(NOT_TRIED) <= kinds


def test_a_bug_is_a_traceback() -> None:
    def story(run: Run) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tell(story)


def test_a_secret_that_a_tool_prints_is_not_in_the_log(folder: Path) -> None:
    def story(run: Run) -> None:
        run.log.hide(KEYS.secrets)
        run.session.host.run("chatting", f"echo 1 AES128 HEX:{SECRET}")

    report = tell(story)
    assert report.log is None or "(hidden)" in Path(report.log).read_text()
    assert_nowhere(SECRET, folder / "state")


def test_a_host_that_is_not_there_is_not_tried() -> None:
    report = tell(lambda _: None, host="nosuchhost.invalid")
    assert (report.tried, report.round_trips, exit_status([report])) == (False, 0, 2)
    assert report.error is not None
    assert report.error.startswith("nosuchhost.invalid: cannot resolve nosuchhost.invalid: ")


def test_a_target_is_what_the_report_calls_the_host() -> None:
    assert tell(lambda _: None).host == str(parse_target("local"))
