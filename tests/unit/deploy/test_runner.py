"""The story of one host, told on this machine by stories that touch nothing."""
# ruff: noqa: FBT001 -- a parameter of a case; a finding reads best as claim, holds, seen; a story that needs no run

from collections.abc import Callable
from pathlib import Path

import pytest

from provision.common.errors import (
    BuildRefused,
    ClusterFailed,
    CommandFailed,
    FetchError,
    HostUnreachable,
    HostUnready,
    InternalError,
    NameUnresolved,
    NotConverged,
    NotRecorded,
    ParseError,
    ProvisionError,
    RehearsalFailed,
    SandboxError,
    SiteError,
    StoreError,
    UsageError,
)
from provision.common.results import Finding
from provision.deploy.job import Job
from provision.deploy.proof import Proof
from provision.deploy.run import Run
from provision.deploy.runner import run_on
from provision.host.target import parse_target
from provision.output.json_report import HostData
from provision.output.log import Log
from provision.output.progress.lines import Lines
from provision.output.report import Report, Verdict, exit_status
from tests.helpers import sudo
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.command_secrets import make_control
from tests.helpers.host_settings import make_settings
from tests.helpers.samples import KEYS, SECRET


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be an operator with a home of his own, and a sudo that asks for nothing."""
    sudo.install(tmp_path, monkeypatch, password="")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    Path("site.toml").write_text("")
    return tmp_path


def test_a_name_that_cannot_be_resolved_may_be_one_of_a_site_that_was_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unresolved(*_: object, **__: object) -> None:
        raise NameUnresolved("ntp1: cannot resolve ntp1: Name or service not known")

    monkeypatch.setattr("provision.deploy.runner.connect", unresolved)
    Path("site.toml").unlink()
    report = tell(lambda _: None, "ntp1")
    assert report.error == (
        "ntp1: cannot resolve ntp1: Name or service not known "
        f"(there is no site.toml in {folder}; --site FILE names one)"
    )
    Path("site.toml").write_text("")
    assert tell(lambda _: None, "ntp1").error == "ntp1: cannot resolve ntp1: Name or service not known"


def test_an_operation_that_needs_the_site_notes_that_there_is_none(folder: Path) -> None:
    assert tell(Run.warn_of_site).notes == []
    Path("site.toml").unlink()
    assert tell(Run.warn_of_site).notes == [f"no site.toml in {folder}: the built-in defaults apply"]


def tell(operation: Callable[[Run], None], host: str = "local") -> Report:
    settings = make_settings()
    with Lines() as progress:
        return run_on(
            Job(target=parse_target(host), settings=settings, operation=operation), progress, control=make_control()
        )


def test_a_good_run_is_reported_whole(capsys: pytest.CaptureFixture[str]) -> None:
    def operation(run: Run) -> None:
        sun = Finding(id="sky.sun", claim="the sun shines", holds=True, seen="through the window")
        run.found(
            Proof((sun, Finding(id="air.warm", claim="it is warm", holds=None, seen="no thermometer")), ("take a hat",))
        )

    report = tell(operation)
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [
        "local",
        "  ok           the sun shines  (through the window)",
        "  not checked  it is warm  (no thermometer)",
    ]
    assert said[3] == "  note         take a hat"
    assert said[4].startswith("  ok, nothing changed (1 round trips, ")
    assert len(said) == 5
    assert (report.ok, report.tried, report.log, report.platform != "") == (True, True, None, True)
    assert exit_status([report]) == 0


ERRORS = [
    pytest.param(UsageError, False, 2, id="usage"),
    pytest.param(SiteError, False, 2, id="site"),
    pytest.param(FetchError, False, 2, id="fetch"),
    pytest.param(HostUnreachable, False, 2, id="unreachable"),
    pytest.param(StoreError, False, 2, id="store"),
    pytest.param(SandboxError, False, 2, id="sandbox"),
    pytest.param(ClusterFailed, False, 2, id="cluster"),
    pytest.param(NotRecorded, False, 2, id="not recorded"),
    pytest.param(CommandFailed, False, 1, id="command"),
    pytest.param(BuildRefused, False, 1, id="build"),
    pytest.param(HostUnready, False, 1, id="host unready"),
    pytest.param(NotConverged, False, 1, id="not converged"),
    pytest.param(RehearsalFailed, False, 1, id="rehearsal"),
    pytest.param(ParseError, False, 1, id="parse"),
    pytest.param(InternalError, False, 1, id="bug"),
    *(pytest.param(kind, True, 1, id=f"{kind.__name__} after a change") for kind in ProvisionError.__subclasses__()),
]


@pytest.mark.parametrize(("error", "changed", "status"), ERRORS)
def test_an_error_ends_the_run_in_one_line(
    error: type[ProvisionError], changed: bool, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def operation(run: Run) -> None:
        run.session.host.ask("true")
        if changed:
            run.session.host.run("changing something", "true")
        raise error("local: it rains")

    report = tell(operation)
    assert (report.error, exit_status([report])) == ("local: it rains", status)
    said = capsys.readouterr().out.splitlines()
    word = {1: "FAILED", 2: "error"}[status]
    assert said[1:3] == [f"  {word:<11}  local: it rains", f"  log          {report.log}"]
    assert report.log is not None
    assert Path(report.log).read_text().endswith("error: local: it rains\n")


def test_every_kind_of_error_is_counted() -> None:
    kinds = {case.values[0] for case in ERRORS}
    assert kinds == set(ProvisionError.__subclasses__())


def test_a_command_that_may_change_the_host_counts_even_if_it_fails() -> None:
    def operation(run: Run) -> None:
        try:
            run.session.host.run("changing something", "false")
        except CommandFailed as error:
            raise SiteError("local: a file is missing") from error

    report = tell(operation)
    assert (report.may_have_changed, report.verdict) == (True, Verdict.FAILED)


def test_an_upload_may_change_the_host(folder: Path) -> None:
    def operation(run: Run) -> None:
        run.session.host.upload(b"x", str(folder / "uploaded"))
        raise FetchError("local: no tarball")

    assert tell(operation).verdict is Verdict.FAILED


def on_a_full_disk(operation: Callable[[Run], None]) -> Report:
    """Run an operation whose log is on a full disk."""
    job = Job(target=parse_target("local"), settings=make_settings(), operation=operation)
    control = make_control(log=Log("local", path=Path("/dev/full")))
    with Lines() as progress:
        return run_on(job, progress, control=control)


def test_a_log_that_is_full_before_the_first_change_leaves_the_host_untouched(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def operation(run: Run) -> None:
        run.session.host.run("changing something", f"touch {folder}/changed")

    report = on_a_full_disk(operation)
    assert not (folder / "changed").exists()
    assert (report.error or "").startswith("/dev/full: cannot write the log: No space left on device; ")
    assert (report.may_have_changed, exit_status([report])) == (False, 2)
    assert "  not tried (" in capsys.readouterr().out


def test_a_log_that_fills_up_during_a_change_is_a_failure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def operation(run: Run) -> None:
        # The first line of the log was written before the disk was full.
        run.session.host.log = lambda line: None if line.startswith("---") else run.log.write(line)
        run.session.host.run("changing something", f"touch {folder}/changed; echo done")

    report = on_a_full_disk(operation)
    assert (folder / "changed").exists()
    assert (report.error or "").startswith("/dev/full: cannot write the log: No space left on device; ")
    assert (report.may_have_changed, exit_status([report])) == (True, 1)
    assert "  FAILED, may have changed (" in capsys.readouterr().out
    assert HostData.of(report).tried
    assert HostData.of(report).may_have_changed


BUG = ZeroDivisionError("a secret")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(BUG, "internal error: ZeroDivisionError; the log has the traceback: please report it", id="bug"),
        pytest.param(
            OSError(24, "Too many open files", "/etc/x"),
            "this machine: /etc/x: Too many open files; raise the limit of open files (ulimit -n), or use a lower "
            "--parallel",
            id="of a file",
        ),
        pytest.param(
            OSError(12, "Cannot allocate memory"),
            "this machine: Cannot allocate memory; use a lower --parallel, or a machine with more memory",
            id="of no file",
        ),
        pytest.param(
            RuntimeError("can't start new thread"),
            "this machine: can't start new thread; raise the limit of processes (ulimit -u, pids.max of the cgroup), "
            "or use a lower --parallel",
            id="no thread",
        ),
    ],
)
def test_any_exception_in_a_switch_is_reported_with_the_state_of_the_switch(error: Exception, words: str) -> None:
    def operation(run: Run) -> None:
        run.session.host.run("changing something", "true")
        run.report.switch.begin("abc", 60)
        raise error

    report = tell(operation)
    assert (report.error or "").startswith(f"{words}; the switch to generation abc was begun and is not confirmed")
    assert (report.verdict, report.may_have_changed) == (Verdict.FAILED, True)
    assert HostData.of(report).reverts_by is not None
    assert report.log is not None
    assert "Traceback" in Path(report.log).read_text()


def test_an_error_of_this_machine_before_the_first_change_is_not_the_hosts() -> None:
    def operation(_: Run) -> None:
        raise OSError(24, "Too many open files")

    assert tell(operation).verdict is Verdict.NOT_TRIED


def test_a_bug_before_the_first_change_is_a_failure() -> None:
    def operation(_: Run) -> None:
        raise BUG

    assert tell(operation).verdict is Verdict.FAILED


def test_a_secret_that_a_tool_prints_is_not_in_the_log(folder: Path) -> None:
    def operation(run: Run) -> None:
        run.log.hide(KEYS.secrets)
        run.session.host.run("chatting", f"echo 1 AES128 HEX:{SECRET}")

    report = tell(operation)
    assert report.log is not None
    assert "(hidden)" in Path(report.log).read_text()
    assert_nowhere(SECRET, folder / "state")


def test_a_host_that_is_not_there_is_not_tried() -> None:
    report = tell(lambda _: None, host="nosuchhost.invalid")
    assert (report.tried, report.round_trips, exit_status([report])) == (False, 0, 2)
    assert report.error is not None
    assert report.error.startswith("nosuchhost.invalid: cannot resolve nosuchhost.invalid: ")


def test_a_report_identifies_its_host_by_the_target() -> None:
    report = tell(lambda _: None)
    assert report.host == parse_target("local")
    assert HostData.of(report).host == "local"
