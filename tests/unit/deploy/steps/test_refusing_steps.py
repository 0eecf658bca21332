"""Steps that look or fetch and change nothing: a run does not claim the host for them, also where they refuse."""

from pathlib import Path
from shlex import quote

import pytest

from provision.deploy.job import Job
from provision.deploy.run import Run
from provision.deploy.runner import run_on
from provision.deploy.steps import Phase, Step
from provision.deploy.steps.chrony_conf_needs import NeedsMet
from provision.deploy.steps.conflicting_services import NoForeignProcess
from provision.deploy.steps.file_systems import FileSystems
from provision.deploy.steps.unit_overrides import NotOverridden
from provision.host.host import Host
from provision.host.target import parse_target
from provision.output.progress.lines import Lines
from provision.output.report import Report
from tests.helpers import sudo
from tests.helpers.command_secrets import make_control
from tests.helpers.host_settings import make_settings
from tests.helpers.step_samples import EXISTING

DROP_IN = "/etc/systemd/system/chronyd.service.d/x.conf"
REFUSALS = [
    pytest.param(
        FileSystems("/opt/chrony/builds/x", 150),
        "builds rw,noexec\nwork rw\nfree 4000\n",
        "local: nothing was changed: /opt/chrony/builds is on a file system that is mounted noexec",
        id="FileSystems",
    ),
    pytest.param(
        NoForeignProcess(),
        "process|4711|/usr/sbin/chronyd|session-3.scope|port",
        "local: nothing was switched: /usr/sbin/chronyd (pid 4711, in session-3.scope) has UDP port 123",
        id="NoForeignProcess",
    ),
    pytest.param(
        NotOverridden("[Service]\n"),
        f"drop-in={DROP_IN}\ntext=[Service]\ntext=User=root",
        f"local: {DROP_IN} sets User",
        id="NotOverridden",
    ),
    pytest.param(
        EXISTING,
        "service=clock.service\nkind=other\nruns=yes\nfinished",
        "local: clock.service is configured here, and nothing was changed: would be lost or changed: the configuration "
        "of clock.service (another program), which is not compared: write what is to stay into the site file, as inv "
        "import does, or give these up with --replace",
        id="ExistingKept",
    ),
    pytest.param(
        NeedsMet("refclock PHC /dev/ptp0\n", "_chrony"),
        "missing clock /dev/ptp0",
        "local: refclock PHC /dev/ptp0: the host has no such device",
        id="NeedsMet",
    ),
]


@pytest.fixture(autouse=True)
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be an operator with a home of his own, and a sudo that asks for nothing."""
    sudo.install(tmp_path, monkeypatch, password="")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def converged(step: Step, *, dry_run: bool = False) -> Report:
    """Return the report of a run on this machine with one step."""

    def operation(run: Run) -> None:
        run.converge((Phase("alone", (step,)),), dry_run=dry_run)

    job = Job(target=parse_target("local"), settings=make_settings(), operation=operation)
    with Lines() as progress:
        return run_on(job, progress, control=make_control())


@pytest.mark.parametrize(("step", "seen", "error"), REFUSALS)
def test_a_refusal_takes_no_lock_and_makes_no_workspace(
    step: Step, seen: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(step), "look", lambda _: f"printf %s {quote(seen)}")
    monkeypatch.setattr(Host, "claim", lambda *_, **__: pytest.fail("nobody may claim a host to refuse it"))
    monkeypatch.setattr(Host, "run", lambda *_, **__: pytest.fail("nothing may be run to refuse a host"))
    report = converged(step)
    assert report.error is not None
    assert report.error.startswith(error)
    assert (report.outcomes, report.changed) == ([], 0)
    planned = converged(step, dry_run=True)
    assert (planned.error, planned.verdict, planned.pending) == (report.error, report.verdict, 1)
