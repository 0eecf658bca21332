"""A run that is handed to a worker: what goes along, what is refused, and what comes back."""
# ruff: noqa: S301 -- what was pickled here

import gzip
import pickle
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from provision.build.artifact import Artifact
from provision.build.artifact_store import Artifacts
from provision.build.fetch.store import Store
from provision.build.libraries import Libraries
from provision.cli.options import Options
from provision.common.errors import ClusterFailed, ClusterLost, SiteError
from provision.common.results import Gate, StoppedAt
from provision.deploy.cancellation import Cancellation
from provision.deploy.job import Job
from provision.deploy.run import Run
from provision.fleet import worker
from provision.fleet.worker import WorkerPool, check, pack, work
from provision.host.host import Host
from provision.host.target import Target, parse_target
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile
from provision.output.log import Collected
from provision.output.progress.lines import Lines
from provision.output.report import Report, Verdict
from provision.site.settings import Settings
from tests.helpers import sudo
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.command_secrets import make_secrets
from tests.helpers.host_settings import make_settings
from tests.helpers.samples import KEYS, SECRET, write_keys

LOCAL = parse_target("local")
ARTIFACT = Artifact(name="chrony-x", archive=gzip.compress(b"x"), libraries=Libraries(packages=()), checked=False)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    sudo.install(tmp_path, monkeypatch, password="")
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    write_keys(tmp_path / "XDG_CONFIG_HOME/chrony-provision/chrony.keys", KEYS)
    return tmp_path


def nothing(_: object) -> None:
    """Take what nobody wants."""


def tell(_: Run) -> None:
    """Do nothing, which is a story, too."""


def speak(run: Run) -> None:
    run.log.hide(KEYS.secrets)
    run.log.write(f"the key is {SECRET}")
    run.progress.say("spoken")


def build(run: Run) -> None:
    run.artifacts.keep(ARTIFACT, "a bill")


def refuse(run: Run) -> None:
    run.artifacts.drop(ARTIFACT.name)


def job(operation: Any = tell, **more: Any) -> Job:
    return Job(
        target=parse_target("local"),
        settings=make_settings(),
        operation=operation,
        **{"open": frozenset(), **more},
    )


@dataclass
class Here:
    """A worker that is in this process: what goes there and comes back is pickled."""

    folder: Path
    heard: list[Any] = field(default_factory=list)

    def send(self, value: object) -> None:
        self.heard.append(value)

    def when_cancelled(self, _: object) -> None:
        pass

    def submit(self, name: str, act: Any, given: Any, hear: Any) -> Any:
        assert name == "local"
        self.sent = pickle.loads(pickle.dumps(given))
        self.done = pickle.loads(pickle.dumps(act(self.sent, self)))
        for told in self.heard:
            hear(told)
        return self

    def drop(self) -> None:
        pass

    def result(self, _: object) -> Any:
        return self.done


def test_the_keys_that_a_host_needs_go_along_and_are_in_no_repr() -> None:
    worker_job = pack(job(), make_secrets(), None, nothing)
    assert worker_job.job.settings.read_keys(KeyReader()) == KEYS
    assert_nowhere(SECRET, repr(worker_job))
    assert not isinstance(worker_job.job.settings.key_source, KeyFile)


@pytest.mark.parametrize("verb", ["change", "create"])
def test_a_worker_changes_no_key(verb: str) -> None:
    source = pack(job(), make_secrets(), None, nothing).job.settings.key_source
    with pytest.raises(SiteError, match=r"chrony\.keys: lies on another machine; change it there$"):
        getattr(source, verb)(KEYS)


def test_the_password_goes_along_and_is_in_no_repr() -> None:
    worker_job = pack(job(), make_secrets("correct horse"), None, nothing)
    assert worker_job.password == "correct horse"  # noqa: S105 -- of no use
    assert_nowhere("correct horse", repr(worker_job))


SWITCH, BUILD = frozenset({Gate.SWITCH}), frozenset({Gate.BUILD})
OPEN = [
    pytest.param(SWITCH, None, SWITCH, id="what may be switched may be so there"),
    pytest.param(frozenset[Gate](), None, frozenset[Gate](), id="what may do nothing may do nothing there"),
    pytest.param(SWITCH | BUILD, None, BUILD, id="who compiles comes back with the artifact before it switches"),
    pytest.param(SWITCH | BUILD, ARTIFACT, SWITCH, id="who was to compile what is here by now need not"),
]


@pytest.mark.parametrize(("gates", "artifact", "there"), OPEN)
def test_the_gates(
    gates: frozenset[Gate], artifact: Artifact | None, there: frozenset[Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_packed", lambda release, *_: str(release))
    worker_job = pack(job(open=gates), make_secrets(), artifact, nothing)
    assert worker_job.job.open == there
    assert bool(worker_job.tarballs) == (Gate.BUILD in there)


def test_no_path_of_the_control_machine_is_sent(tmp_path: Path) -> None:
    (tmp_path / "site.toml").touch()
    here = make_settings(Options(site=tmp_path / "site.toml", sources=tmp_path))
    sent = pack(replace(job(), settings=here), make_secrets(), ARTIFACT, nothing).job.settings.options
    assert sent == replace(here.options, site_file=None, sources=None)


def settings(**more: Any) -> Settings:
    return replace(make_settings(), **more)


REFUSED = [
    pytest.param("local", True, True, r"local: no worker could reach it; --scheduler is for hosts .*SSH", id="local"),
    pytest.param("sandbox:x", True, True, r"sandbox:x: no worker could reach it", id="sandbox"),
    pytest.param("ntp1", False, True, r"chrony\.keys: there are no keys yet, .*inv keys\.add", id="no keys yet"),
]


@pytest.mark.parametrize(("host", "has_keys", "rolling", "words"), REFUSED)
def test_refused(host: str, *, has_keys: bool, rolling: bool, words: str) -> None:
    with pytest.raises(SiteError, match=words):
        check([(parse_target(host), settings(has_keys=has_keys))], rolling=rolling)


def test_who_only_looks_needs_no_keys() -> None:
    check([(parse_target("ntp1"), settings(has_keys=False))], rolling=False)


def handed(one: Job, here: Here) -> Report:
    with Lines() as lines:
        return WorkerPool(here, make_secrets(), {LOCAL: ARTIFACT.name}).run_on(one, lines, Cancellation())  # type: ignore[arg-type]


def test_the_log_is_kept_here_without_secrets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = handed(job(speak), Here(folder))
    assert report.log is not None
    assert Path(report.log).read_text() == "the key is (hidden)\n"
    assert Path(report.log).stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().out.splitlines()[:2] == ["local", "spoken"]


def test_what_is_built_there_is_kept_here(folder: Path) -> None:
    handed(job(build), Here(folder))
    assert list(Artifacts.default().all()) == [(ARTIFACT, "a bill")]
    assert [path for path in folder.iterdir() if path.name.startswith("artifacts-")] == []


def test_what_is_refused_there_is_dropped_here(folder: Path) -> None:
    Artifacts.default().keep(ARTIFACT)
    handed(job(refuse), Here(folder))
    assert list(Artifacts.default().all()) == []


def test_what_is_here_goes_along(folder: Path) -> None:
    Artifacts.default().keep(ARTIFACT)
    here = Here(folder)
    handed(job(), here)
    assert here.sent.artifact == ARTIFACT
    assert list(Artifacts.default().all()) == [(ARTIFACT, "")]


def test_a_build_is_remembered_when_a_host_is_held_at_the_switch(folder: Path) -> None:
    one = WorkerPool(Here(folder), make_secrets())  # type: ignore[arg-type]

    def stopped_at(report: Report) -> dict[Target, str]:
        one.cluster.submit = lambda *_: one.cluster  # type: ignore[method-assign,assignment]
        one.cluster.done = worker.Done(report=report, log="", built=(), refused=False)  # type: ignore[attr-defined]
        with Lines() as lines:
            one.run_on(job(), lines)
        return one._needs

    assert stopped_at(Report(host=LOCAL, stopped_at=StoppedAt(Gate.BUILD, "chrony-x"))) == {LOCAL: "chrony-x"}
    assert stopped_at(Report(host=LOCAL, stopped_at=StoppedAt(Gate.SWITCH))) == {LOCAL: "chrony-x"}


def change(run: Run) -> None:
    run.claim()
    run.session.host.run("changing", "true")


@pytest.mark.parametrize(
    ("operation", "error", "may_have_changed"),
    [
        (change, ClusterFailed("each worker died"), True),
        (tell, ClusterFailed("each worker died"), False),
        (tell, ClusterLost("each worker died"), True),
    ],
    ids=["after a change", "no worker began to change", "nobody can tell"],
)
def test_a_lost_worker_may_have_changed_its_locked_host(
    operation: Any,
    error: ClusterFailed,
    may_have_changed: bool,  # noqa: FBT001 -- a parameter of a case
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Lost(Here):
        def result(self, _: object) -> Any:
            raise error

    monkeypatch.setattr(Host, "claim", lambda *_, **__: True)
    report = handed(job(operation), Lost(folder))
    assert (report.error, report.may_have_changed, report.tried) == (
        "each worker died",
        may_have_changed,
        may_have_changed,
    )
    assert str(report.switch) == ""
    assert report.log is not None
    assert Path(report.log).read_text() == "error: each worker died\n"


def test_a_host_that_an_earlier_worker_had_locked_may_have_changed(folder: Path) -> None:
    here = Here(folder, heard=[(worker.CHANGING, None)])
    assert handed(job(), here).may_have_changed


def test_an_artifact_that_cannot_be_stored_after_the_build_is_a_failure(folder: Path) -> None:
    def fill_store(run: Run) -> None:
        run.session.host.run("building", "true")
        run.artifacts.keep(ARTIFACT, "a bill")
        Artifacts.default().folder.parent.mkdir(parents=True, exist_ok=True)
        Artifacts.default().folder.write_text("a file")

    class Unpickled(Here):
        def submit(self, _: str, act: Any, given: Any, __: Any) -> Any:
            self.done = act(given, self)
            return self

    report = handed(job(fill_store), Unpickled(folder))
    assert (report.error or "").startswith(f"cannot write {Artifacts.default().folder}/chrony-x: ")
    assert (report.may_have_changed, report.verdict) == (True, Verdict.FAILED)


def test_a_tarball_is_kept_there_only_if_it_is_the_pinned_one(folder: Path) -> None:
    worker_job = pack(job(), make_secrets(), None, nothing)
    release = worker_job.job.settings.chrony
    wrong = replace(worker_job, tarballs=(worker.Packed(release=release, data=b"other", signature="none"),))
    work(wrong, Here(folder))  # type: ignore[arg-type]
    assert Store.default().find(release, nothing) is None


def test_lines_are_collected_in_memory(folder: Path) -> None:
    log = Collected("ntp1", folder / "log")
    log.write("one")
    log.close()
    assert (log.lines, log.path, (folder / "log").exists()) == ("one\n", None, False)
