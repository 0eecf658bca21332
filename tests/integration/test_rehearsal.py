"""A staged generation, rehearsed on a booted host: beside our own daemon, and beside Debian's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from provision.common.errors import RehearsalFailed
from provision.deploy.choices import choose_generation, choose_recipe
from provision.deploy.generation import Generation
from provision.deploy.prove_build import rehearse_build
from provision.deploy.steps.rehearsed import Rehearsed
from provision.deploy.steps.staged import Staged
from provision.host import scripts
from provision.host.facts import Facts, facts_script, parse_facts
from provision.host.host import Host
from provision.host.sandbox.sandbox import Sandbox
from provision.host.target import Kind, Target
from provision.host.transport.ssh import SshTransport
from provision.keys import Keys, make_key
from provision.site.directive import Directive
from provision.verify.expectation import expect
from tests.helpers.booted_hosts import assert_nowhere, booted, login
from tests.helpers.host_settings import make_settings
from tests.helpers.host_state import give_builds, install, work_folders
from tests.integration.conftest import Deployed
from tests.integration.test_packaged import UNCONDITIONALLY

pytestmark = pytest.mark.integration

LIVE = """
systemctl show -p MainPID -p NRestarts --value "$1"
pgrep -x chronyd
ls -lA --time-style=full-iso --ignore=saved /run/chrony /var/lib/chrony /var/log/chrony
"""
"""A daemon of a unit, all that it keeps, and every other chronyd; without the folder that a timer writes each 64 s."""
KEYS = Keys((make_key(1, "AES128"), make_key(7, "SHA256")))


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A host on which a chronyd runs, and on which another one can be tried."""

    sandbox: Sandbox
    host: Host
    facts: Facts
    unit: str
    """Of the daemon that runs."""
    log: list[str]

    def generation(self, *extra: str) -> Generation:
        """Stage a generation of the default site, with more lines in its chrony.conf."""
        settings = make_settings()
        recipe = choose_recipe(settings.site, self.facts, chrony=settings.chrony, nettle=settings.nettle)
        plain = choose_generation(settings.site, self.facts, recipe=recipe, keys=KEYS, time_source="198.19.0.2")
        conf = "".join((plain.conf, *(f"{Directive.checked(line)}\n" for line in extra)))
        generation = Generation(recipe=recipe, user=plain.user, conf=conf, keys=KEYS, unit_template=plain.unit_template)
        Staged(generation).apply(self.host)
        return generation

    def rehearse(self, generation: Generation) -> None:
        """Apply the step, and see that all else is as it was."""
        query_addresses = expect(generation.conf, version="4.9", seccomp=True, facts=self.facts).query_addresses
        before = self._live()
        try:
            Rehearsed(generation, query_addresses).apply(self.host)
        finally:
            assert self._live() == before
            assert_nowhere("\n".join(key.secret.hex() for key in KEYS), *self.log)

    def is_rehearsed(self, generation: Generation) -> bool:
        """Look as the survey does."""
        step = Rehearsed(generation, ())
        return step.drift(self.host.ask(step.look()).strip()) is None

    def _live(self) -> str:
        return login(self.sandbox, f"set -- {self.unit}\n{LIVE}")


@contextmanager
def stage_on(sandbox: Sandbox, unit: str) -> Iterator[Stage]:
    target = Target(text="rehearsal", kind=Kind.SSH, address=sandbox.address, user="root")
    log: list[str] = []
    host = Host(SshTransport(target, key=sandbox.key, host_key=sandbox.host_key), log=log.append)
    host.claim(who="a test", uid=0, lock_timeout=0, say=print)
    try:
        facts = parse_facts(host.ask(facts_script(), root=False))
        yield Stage(sandbox=sandbox, host=host, facts=facts, unit=unit, log=log)
    finally:
        host.leave()
        host.transport.close()
    assert work_folders(sandbox) == []


@pytest.fixture(scope="module")
def ours(deployed: Deployed) -> Iterator[Stage]:
    with stage_on(deployed.host, "chronyd.service") as stage:
        yield stage


@pytest.fixture(scope="module")
def packaged(deployed: Deployed) -> Iterator[Stage]:
    with booted("it-rehearsal") as sandbox:
        install(sandbox, "chrony")
        login(sandbox, UNCONDITIONALLY)
        give_builds(deployed.host, sandbox)
        with stage_on(sandbox, "chrony.service") as stage:
            yield stage


@pytest.fixture(params=["ours", "packaged"])
def stage(request: pytest.FixtureRequest) -> Stage:
    found: Stage = request.getfixturevalue(request.param)
    return found


def test_a_good_generation_passes_once(stage: Stage) -> None:
    generation = stage.generation("maxslewrate 1000")
    assert not stage.is_rehearsed(generation)
    stage.rehearse(generation)
    assert stage.is_rehearsed(generation)


def test_what_runs_already_needs_no_rehearsal(deployed: Deployed) -> None:
    again = deployed.run("plan")
    assert "rehearsed" not in again.pending
    assert again.status == 0


STAGED = [
    pytest.param("sed -i '1s/HEX:../HEX:/' chrony.keys", "Invalid length of AES128 key 1", id="a key cut off"),
    pytest.param("echo '9 AES128 HEX:XY' >>chrony.keys", "Could not decode key 9", id="a key that is none"),
    pytest.param("chmod 644 chrony.keys", "World-readable permissions on", id="keys that others may read"),
    pytest.param("chown root:root chrony.keys", "Could not open keyfile", id="keys that chronyd may not read"),
    pytest.param("echo 'server 192.0.2.1 key 99' >>chrony.conf", "Key 99 is missing", id="a source without its key"),
    pytest.param(
        "echo 'deny all' >>chrony.conf",
        'a plain request in the rehearsal is answered" does not hold',
        id="nobody may ask",
    ),
]


@pytest.mark.parametrize(("damage", "words"), STAGED)
def test_a_bad_generation_is_refused_with_the_reason(damage: str, words: str, ours: Stage) -> None:
    generation = ours.generation("maxslewrate 999")
    login(ours.sandbox, f"cd {generation.path} && {damage}")
    with pytest.raises(RehearsalFailed, match=words) as refused:
        ours.rehearse(generation)
    assert "\n" not in str(refused.value)
    assert not ours.is_rehearsed(generation)


TAKING = [
    pytest.param(("refclock SOCK /run/chrony/gps.sock",), id="a socket"),
    pytest.param(("rtcfile /var/lib/chrony/rtc", "ntsdumpdir /var/lib/chrony"), id="files"),
    pytest.param(("ratelimit interval 12 burst 1",), id="a limit"),
    pytest.param(("lock_all", "sched_priority 1", "binddevice host0"), id="privileges"),
    pytest.param(("bindaddress ::1",), id="one address, of IPv6"),
]


@pytest.mark.parametrize("extra", TAKING)
def test_a_generation_that_takes_more_is_rehearsed_without_it(extra: tuple[str, ...], stage: Stage) -> None:
    stage.rehearse(stage.generation(*extra))


def test_a_chronyd_that_the_filter_of_system_calls_kills_is_refused(ours: Stage) -> None:
    # From outside: chronyd alone calls recvmmsg(2).
    trial = scripts.load("rehearse", ours.generation().path, "127.0.0.1", "2")
    script = scripts.load("as_builder", "/run", "root", "cd $(mktemp -d)\n" + trial)
    login(ours.sandbox, f"cat >/run/trial <<'END'\n{script}\nEND")
    said = login(ours.sandbox, "systemd-run -q --pipe --wait -p SystemCallFilter=~recvmmsg sh /run/trial")
    assert "==> daemon\nkilled by SIGSYS" in said


def test_a_build_is_rehearsed_with_keys_of_its_own(stage: Stage) -> None:
    generation = stage.generation()
    types = ((1, "AES128"), (2, "SHA256"))
    found = rehearse_build(
        stage.host, generation.recipe, generation.conf, types, query_addresses=("127.0.0.1",), seccomp=1
    )
    assert [finding.id for finding in found if finding.holds is not True] == []
    assert len(found) == 5
