"""Gates: a run stops before the first step to apply of a phase whose gate is closed, and nowhere else."""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import pytest

from provision.build.artifact_store import Artifacts
from provision.common.errors import ArtifactRefused, BuildUnfit, ProvisionError
from provision.common.results import Gate, Status, StoppedAt
from provision.deploy.job import Job
from provision.deploy.run import Run
from provision.deploy.runner import run_on
from provision.deploy.steps import Phase, StepDefaults
from provision.host.host import Host
from provision.host.target import parse_target
from provision.output.progress.lines import Lines
from provision.output.report import Report
from tests.helpers import sudo
from tests.helpers.command_secrets import make_control
from tests.helpers.host_settings import make_settings

BUILD, SWITCH = StoppedAt(Gate.BUILD, "chrony-4.9"), StoppedAt(Gate.SWITCH)


@dataclass(frozen=True)
class Exists(StepDefaults):
    """A file is there."""

    path: Path
    error: ProvisionError | None = None
    changes_host: bool = False

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def title(self) -> str:
        return self.path.name

    def look(self) -> str:
        return f"if [ -e {quote(str(self.path))} ]; then echo there; else echo missing; fi"

    def drift(self, seen: str) -> str | None:
        return None if seen == "there" else seen

    def apply(self, host: Host) -> None:  # noqa: ARG002 -- the protocol's
        if self.error is not None:
            raise self.error
        self.path.touch()


@pytest.fixture(autouse=True)
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be an operator with a home of his own, and a sudo that asks for nothing."""
    sudo.install(tmp_path, monkeypatch, password="")
    for name in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.chdir(tmp_path)


def converged(*phases: Phase, through: tuple[Gate, ...] = (), artifacts: Artifacts | None = None) -> Report:
    """Return the report of a run on this machine that may go through some gates."""

    def operation(run: Run) -> None:
        run.converge(phases)

    job = Job(target=parse_target("local"), settings=make_settings(), operation=operation, open=frozenset(through))
    with Lines() as progress:
        return run_on(job, progress, control=make_control(artifacts=artifacts or Artifacts.default()))


def test_a_run_stops_at_a_closed_gate_before_the_first_step_to_apply_behind_it(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.touch()
    free, behind = Exists(tmp_path / "free"), Exists(tmp_path / "behind")
    report = converged(
        Phase("stage", (free,)), Phase("switch", (Exists(there),), SWITCH), Phase("confirm", (behind,), SWITCH)
    )
    assert report.stopped_at == SWITCH
    assert [(outcome.id, outcome.status) for outcome in report.outcomes] == [
        ("free", Status.CHANGED),
        ("there", Status.UNCHANGED),
    ]
    assert not behind.path.exists()


def test_an_open_gate_stops_no_host(tmp_path: Path) -> None:
    behind = Exists(tmp_path / "behind")
    report = converged(Phase("build", (behind,), BUILD), through=(Gate.BUILD,))
    assert (report.stopped_at, report.error, report.changed) == (None, None, 1)


def test_nothing_to_do_behind_a_closed_gate_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    report = converged(Phase("switch", (Exists(tmp_path / "there"),), SWITCH))
    assert (report.stopped_at, report.changed) == (None, 0)


REFUSED = [
    pytest.param(ArtifactRefused("local: it is another", "chrony-4.9"), BUILD, True, id="of no use to any host"),
    pytest.param(
        BuildUnfit("local: it does not work", "chrony-4.9"),
        StoppedAt(Gate.BUILD, "chrony-4.9", unfit=True),
        False,
        id="of no use to this host",
    ),
]


@pytest.mark.parametrize(("error", "stopped_at", "dropped"), REFUSED)
def test_a_host_whose_artifact_is_refused_goes_to_the_gate_before_the_compiler(
    error: ProvisionError,
    stopped_at: StoppedAt,
    dropped: bool,  # noqa: FBT001 -- a parameter of a case
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names: list[str] = []
    monkeypatch.setattr(Artifacts, "drop", lambda _, name: names.append(name))
    report = converged(Phase("build", (Exists(tmp_path / "build", error),)), through=tuple(Gate))
    assert report.stopped_at == stopped_at
    assert names == (["chrony-4.9"] if dropped else [])
    assert report.notes == [str(error) if dropped else f"{error}; the host compiles"]
