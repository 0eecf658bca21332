"""An operator with a home of their own, who runs operations on a host that is a table."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from provision.build.artifact_store import Artifacts
from provision.build.fetch.store import Tarball
from provision.build.integrity import NAMES
from provision.chrony.releases import Release
from provision.cli.options import Options
from provision.common.results import Gate
from provision.deploy.cancellation import Cancellation
from provision.deploy.choices import choose_generation
from provision.deploy.deploy import deploy
from provision.deploy.generation import Generation
from provision.deploy.job import Job
from provision.deploy.run import Run
from provision.deploy.runner import run_on
from provision.host.facts import parse_facts
from provision.host.target import parse_target
from provision.keys import Keys
from provision.output.log import Log
from provision.output.progress.lines import Lines
from provision.output.report import Report
from provision.site.settings import Settings
from provision.verify.ntp.packet import Answer
from provision.verify.ntp.probe import KeyAnswer, Probe, probe
from tests.helpers.build_archives import FILES as FEW_FILES
from tests.helpers.build_archives import folder as tar_of
from tests.helpers.command_secrets import make_control
from tests.helpers.host_settings import make_settings
from tests.helpers.samples import KEYS, RECIPE, write_keys
from tests.helpers.scripted_host import ScriptedHost

ADDRESS = "198.19.0.5"
SITE = "".join(f'[[time.servers]]\naddress = "198.19.0.{number}"\n' for number in (2, 3, 4))
FILES = {**{name: name.encode() for name in sorted(NAMES)}, **FEW_FILES}
"""The files of a build that was compiled."""
STAGE = ["make account", "place_file", "stage", "rehearse", "note rehearsal"]
"""The commands that stage a generation on a bare host."""
SERVICE = [
    *("switch", "switch --confirm", "make_links", "make list folder", "place_file"),
    *("place_file", "place_file", "place_file", "start_units"),
]
"""The commands that make a staged generation the time service of a bare host."""
PLAIN = Answer(stratum=2, leap=0, offset=0.0001, round_trip=0.0002)


@dataclass(slots=True)
class Operator:
    """Somebody who deploys to one host."""

    home: Path
    host: ScriptedHost = field(default_factory=lambda: ScriptedHost(RECIPE))
    site: str = SITE
    answers: bool = True
    """Whether the host answers NTP requests from here."""
    open: frozenset[Gate] = frozenset(Gate)
    unit_tests: bool = False
    compiled_on: str = ""
    """The host that compiles the build for this one, by a plan."""
    cancellation: Cancellation = field(default_factory=Cancellation)

    @property
    def key_file(self) -> Path:
        """The key file that a site without another one means."""
        return self.home / "config/chrony-provision/chrony.keys"

    @property
    def artifacts(self) -> Artifacts:
        """The store of builds."""
        return Artifacts(self.home / "artifacts")

    @property
    def settings(self) -> Settings:
        """The settings by the site file, which is written now."""
        path = self.home / "site.toml"
        path.write_text(self.site)
        return make_settings(Options(site=path, unit_tests=self.unit_tests))

    def generation(self, keys: Keys = KEYS) -> Generation:
        """Return what the site makes of the host, which may come to it from now on."""
        facts = parse_facts(self.host.facts)
        settings = self.settings
        one = choose_generation(
            settings.site,
            facts,
            recipe=self.host.recipe,
            keys=keys,
            time_source=None,
            certificates=settings.certificates,
        )
        self.host.generations[one.id] = one
        return one

    def run(self, operation: Callable[[Run], None], report: Report | None = None) -> Report:
        """Run an operation on the host; a bug fails the test, as does a question that the host has no answer for."""
        self.host.told.clear()
        self.host.asked.clear()
        self.generation()
        job = Job(
            target=parse_target(self.host.name),
            settings=self.settings,
            operation=operation,
            open=self.open,
            compiled_on=self.compiled_on,
            report=report,
        )
        log = Log("ntp1", path=self.home / "log")
        control = make_control(who="alice@laptop", artifacts=self.artifacts, log=log)
        with Lines() as lines:
            done = run_on(job, lines, self.cancellation, control=control)
        assert not (done.error or "").startswith("internal error"), (self.home / "log").read_text()
        return done

    def built_files(self) -> dict[str, bytes]:
        """Return the downloads of a host that compiles, whatever number they have; the host has their files then."""
        self.host.build_files = FILES
        return dict.fromkeys(map(str, range(20)), tar_of(FILES))

    def probe(self, address: str, keys: Keys, **_: object) -> Probe:
        """Ask the host for the time from here."""
        if not self.answers or not self.host.running:
            return Probe(address=address, keys=tuple(KeyAnswer(id=key.id) for key in keys))
        answered = tuple(KeyAnswer(id=key.id, answered=True, mac_valid=True) for key in keys)
        return Probe(address=address, plain=PLAIN, keys=answered, source="198.19.0.1", peer=address)


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """Return an operator with a key, whose ways to a host, and to its NTP port, lead to a table."""
    for name in ("CACHE", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    one = Operator(tmp_path)
    one.key_file.parent.mkdir(parents=True)
    write_keys(one.key_file, KEYS)
    monkeypatch.setattr("provision.host.session._reach", lambda *_, **__: (one.host, ADDRESS, None))
    real = probe
    for name, module in sys.modules.copy().items():  # whole at once: threads of other tests import
        if name.startswith("provision.") and getattr(module, "probe", None) is real:
            monkeypatch.setattr(module, "probe", one.probe)
    return one


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have tarballs of each release, whatever is in them."""

    store: set[Release] = set()

    def fetched(release: Release, **_: object) -> Tarball:
        store.add(release)
        return Tarball(release=release, path=Path(), data=b"tar", origin="the moon", signature="good")

    monkeypatch.setattr("provision.build.fetch.fetch.fetch", fetched)
    monkeypatch.setattr("provision.build.fetch.store.Store.find", lambda _, release, __: store & {release} or None)


def unproven(report: Report) -> list[tuple[str, str]]:
    """Return the findings of a report that do not hold, with what was seen."""
    return [(finding.id, finding.seen) for finding in report.findings if not finding.holds]


@pytest.fixture
def twice(operator: Operator) -> tuple[Operator, str, str]:
    """Deploy two generations; return their ids, the older first."""
    assert operator.run(deploy).ok
    first = operator.host.current
    operator.site = f"{SITE}[[time.servers]]\naddress = '198.19.0.9'\n"
    assert operator.run(deploy).ok
    return operator, first, operator.host.current
