"""The contract of every step, on one booted host: bare → changed, again → unchanged, and looking changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from provision.build.fetch.fetch import fetch
from provision.build.fetch.store import Store
from provision.chrony.releases import Release
from provision.common.results import Outcome, Status
from provision.deploy.choices import choose_generation, choose_recipe
from provision.deploy.converge import converge, survey
from provision.deploy.phases import Tarballs, compile_phase, deployment
from provision.deploy.steps import Phase, Step
from provision.deploy.steps.existing_service import ExistingKept
from provision.deploy.switch import Switch
from provision.host.facts import facts_script, parse_facts
from provision.host.host import Host
from provision.host.sandbox.sandbox import Sandbox
from provision.host.target import Kind, Target
from provision.host.transport.ssh import SshTransport
from provision.takeover.wanted import Wanted
from provision.verify.expectation import expect
from tests.helpers.booted_hosts import assert_nowhere, booted, login
from tests.helpers.host_settings import make_settings
from tests.helpers.samples import KEYS, SECRET

pytestmark = pytest.mark.integration

PLAN = [
    "file-systems",
    "unit-overrides",
    "foreign-processes",
    "existing-service",
    "build-file-systems",
    "source",
    "build-packages",
    "build",
    "account",
    "switch-script",
    "staged",
    "rehearsed",
    "chrony-conf-needs",
    "active",
    "conflicting-services",
    "process-as-unit",
    "daemon-unaltered",
    "confirmed",
    "links",
    "timedatectl",
    "boot-wait",
    "log-rotation",
    "key-usage",
    "saved-measurements",
    "nts-renewal",
    "metrics-textfile",
]
REFUSES = {
    "file-systems",
    "unit-overrides",
    "foreign-processes",
    "existing-service",
    "build-file-systems",
    "chrony-conf-needs",
}
MENDS = {"conflicting-services", "process-as-unit", "daemon-unaltered"}
"""The switch itself stops the other services and starts the daemon; these steps mend later damage."""
UNCHANGED_AT_FIRST = REFUSES | MENDS | {"boot-wait", "log-rotation", "key-usage", "nts-renewal", "metrics-textfile"}
"""The default site has no unit that waits for the clock, no log files, no counts, no certificate, and no metrics."""
LISTING = r"""
folders='/etc /opt /usr/local /var/lib/chrony'
find $folders -printf '%p %y %m %u:%g %l %T@\n' 2>/dev/null | sort
find $folders -type f -exec sha256sum {} + 2>/dev/null | sort
"""
"""Every file with its mode, owner, time and digest; a file that comes and goes shows in the time of its folder."""


@dataclass(frozen=True, kw_only=True)
class Contract:
    """A host, and what became of the steps on it."""

    sandbox: Sandbox
    host: Host
    phases: tuple[Phase, ...]
    log: list[str]
    listings: dict[str, str] = field(default_factory=dict)
    first: list[Outcome] = field(default_factory=list)
    second: list[Outcome] = field(default_factory=list)

    @property
    def steps(self) -> list[Step]:
        return [step for phase in self.phases for step in phase.steps]

    def listing(self) -> str:
        return login(self.sandbox, LISTING)

    def converge(self) -> list[Outcome]:
        return list(converge(self.host, self.phases))

    def mend(self) -> list[Outcome]:
        self.host.claim(who="contract", uid=0, lock_timeout=0, say=print)
        try:
            return self.converge()
        finally:
            self.host.leave()


def real_plan(host: Host) -> tuple[Phase, ...]:
    """Return the plan of the default settings for a host; the source counts as fetched when this run fetched it."""
    settings = make_settings()
    facts = parse_facts(host.ask(facts_script(), root=False))
    recipe = choose_recipe(settings.site, facts, chrony=settings.chrony, nettle=settings.nettle)
    here: set[Release] = set()

    def origin(release: Release) -> str:
        here.add(release)
        return fetch(release, store=Store.default(), sources=None, say=print).origin

    tarballs = Tarballs(
        at_hand=here.__contains__,
        data=lambda release: fetch(release, store=Store.default(), sources=None, say=print).data,
        origin=origin,
    )
    generation = choose_generation(settings.site, facts, recipe=recipe, keys=KEYS, time_source=None)
    switch = Switch(
        generation=generation.id,
        unit_sha256=generation.unit_sha256,
        socket_sha256=generation.socket_sha256,
        build=recipe.prefix,
        running=generation.running,
        who="contract",
        task="deploy",
        wanted_by="the site wants",
        confirm_timeout=90,
        is_answered=lambda: False,
        prove=list,
    )
    existing = ExistingKept(Wanted.of(generation.conf, generation.unit, KEYS), replace=False)
    build = compile_phase("contract", facts, recipe, tarballs, keep=lambda _: None)
    expected = expect(generation.conf, version=recipe.chrony.version, seccomp=True, facts=facts)
    return deployment(build, generation, switch, settings.site, facts, existing=existing, expected=expected)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contract]:
    """Take a bare host, but for a rival, through the whole plan step by step."""
    with booted("contract-bookworm") as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.chdir(tmp_path_factory.mktemp("nothing"))
        install = "apt-get -qq -y -o DPkg::Lock::Timeout=60 install systemd-timesyncd >/dev/null 2>&1"
        login(sandbox, f"export DEBIAN_FRONTEND=noninteractive; {install} || {{ apt-get -qq update; {install}; }}")
        target = Target(text="contract", kind=Kind.SSH, address=sandbox.address, user="root")
        log: list[str] = []
        host = Host(SshTransport(target, key=sandbox.key, host_key=sandbox.host_key), log=log.append)
        contract = Contract(sandbox=sandbox, host=host, phases=real_plan(host), log=log)
        contract.listings["bare"] = contract.listing()
        survey(host, contract.steps)
        list(converge(host, contract.phases, dry_run=True))
        contract.listings["bare, looked at"] = contract.listing()
        host.claim(who="contract", uid=0, lock_timeout=0, say=print)
        for step in contract.steps:
            alone = [Phase("alone", (step,))]
            contract.first.extend(converge(host, alone))
            contract.second.extend(converge(host, alone))
        host.leave()
        contract.listings["done"] = contract.listing()
        survey(host, contract.steps)
        contract.listings["done, looked at"] = contract.listing()
        yield contract
        host.transport.close()


def test_the_plan_is_these_steps(contract: Contract) -> None:
    assert [step.id for step in contract.steps] == PLAN


@pytest.mark.parametrize("number", range(len(PLAN)), ids=PLAN)
def test_a_bare_host_changes_once(number: int, contract: Contract) -> None:
    first = Status.UNCHANGED if PLAN[number] in UNCHANGED_AT_FIRST else Status.CHANGED
    assert (contract.first[number].status, contract.second[number].status) == (first, Status.UNCHANGED)
    assert bool(contract.first[number].reason) == (first is Status.CHANGED)


@pytest.mark.parametrize("state", ["bare", "done"])
def test_looking_changes_nothing(state: str, contract: Contract) -> None:
    before, after = (contract.listings[name].splitlines() for name in (state, f"{state}, looked at"))
    assert set(before) ^ set(after) == set()
    assert len(before) > 100


def test_the_whole_plan_again_is_one_round_trip(contract: Contract) -> None:
    trips = contract.host.trips
    assert {outcome.status for outcome in contract.converge()} == {Status.UNCHANGED}
    assert contract.host.trips - trips == 1


def test_no_secret_is_in_the_logs_or_the_reports(contract: Contract) -> None:
    told = "\n".join(outcome.reason + outcome.diff for outcome in contract.first)
    assert_nowhere(SECRET, told, "\n".join(contract.log))
    assert "+keyfile /opt/chrony/current/chrony.keys" in told


CURRENT = "cd /opt/chrony/current/ &&"
DAMAGES = [
    pytest.param(f"{CURRENT} chmod 644 chrony.keys", "staged daemon-unaltered", id="keys that others may read"),
    pytest.param(
        f"{CURRENT} chown root:root chrony.keys", "staged daemon-unaltered", id="keys that chronyd may not read"
    ),
    pytest.param(f"{CURRENT} echo '# mine' >>chrony.conf", "staged daemon-unaltered", id="configuration edited"),
    pytest.param(f"{CURRENT} rm build", "staged daemon-unaltered", id="link to the build gone"),
    pytest.param("chmod 644 /opt/chrony/switch", "switch-script", id="switch not executable"),
    pytest.param("ln -sfn /etc/passwd /opt/chrony/switch", "switch-script", id="switch is a symlink"),
    pytest.param("systemctl stop chronyd", "active", id="daemon stopped"),
    pytest.param("systemctl disable -q chronyd", "active", id="daemon not at boot"),
    pytest.param("rm /etc/systemd/system/chronyd.service", "active", id="unit gone"),
    pytest.param("echo >>/etc/systemd/system/chronyd.service", "active", id="unit edited"),
    pytest.param("rm /opt/chrony/current", "rehearsed active confirmed", id="current gone"),
    pytest.param("systemctl unmask -q systemd-timesyncd", "conflicting-services", id="rival unmasked"),
    pytest.param("rm /usr/local/bin/chronyc /etc/chrony/chrony.conf", "links", id="links gone"),
    pytest.param("rm /etc/systemd/ntp-units.d/*.list", "timedatectl", id="not known to timedatectl"),
    pytest.param("timedatectl set-ntp false", "active", id="stopped by timedatectl"),
    pytest.param("ln -sfn /opt/chrony/builds/old/chronyc /usr/local/bin/chronyc", "links", id="link of ours astray"),
]


def test_a_timedated_that_runs_without_our_list_learns_of_it_at_once(contract: Contract) -> None:
    without = login(
        contract.sandbox, "rm /etc/systemd/ntp-units.d/*.list; systemctl restart systemd-timedated; timedatectl"
    )
    assert "NTP service: active" not in without
    contract.mend()
    assert "NTP service: active" in login(contract.sandbox, "timedatectl")


@pytest.mark.parametrize(("damage", "mended"), DAMAGES)
def test_damage_is_seen_and_mended_by_the_step_whose_it_is(damage: str, mended: str, contract: Contract) -> None:
    login(contract.sandbox, damage)
    outcomes = contract.mend()
    changed = [outcome.id for outcome in outcomes if outcome.status is Status.CHANGED]
    assert changed == mended.split()
    assert {outcome.status for outcome in contract.converge()} == {Status.UNCHANGED}
