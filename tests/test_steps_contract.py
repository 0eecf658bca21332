"""The contract of every step, on one booted host: bare → changed, again → unchanged, and looking changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from provision import remote
from provision.converge import Outcome, Status, converge, survey
from provision.facts import parse_facts
from provision.fetch import Store, fetch
from provision.host import Host
from provision.plan import (
    Switch,
    Tarballs,
    choose_generation,
    choose_recipe,
    compiling_steps,
    staging_steps,
    switching_steps,
)
from provision.releases import Release
from provision.sandbox import Sandbox
from provision.steps import Step
from provision.target import Kind, Target
from provision.transport.ssh import SshTransport
from provision.wish import Options, make_wish
from tests.booted import assert_nowhere, booted, login
from tests.sample import KEYS, SECRET

pytestmark = pytest.mark.integration

PLAN = [
    "Fetched",
    "Packages",
    "Built",
    "ServiceUser",
    "File",
    "Staged",
    "Rehearsed",
    "Active",
    "OthersStopped",
    "Confirmed",
    "Links",
]
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
    steps: list[Step]
    log: list[str]
    listings: dict[str, str] = field(default_factory=dict)
    first: list[Outcome] = field(default_factory=list)
    second: list[Outcome] = field(default_factory=list)

    def listing(self) -> str:
        return login(self.sandbox, LISTING)

    def converge(self) -> list[Outcome]:
        return list(converge(self.host, self.steps))

    def mend(self) -> list[Outcome]:
        self.host.claim(who="contract", uid=0, patience=0, say=print)
        try:
            return self.converge()
        finally:
            self.host.leave()


def real_plan(host: Host) -> list[Step]:
    """Return the plan of the default wish for a host; the source counts as fetched when this run fetched it."""
    wish = make_wish(Options())
    facts = parse_facts(host.ask(remote.load("facts"), root=False))
    recipe = choose_recipe(wish.site, facts, chrony=wish.chrony, nettle=wish.nettle)
    here: set[Release] = set()

    def origin(release: Release) -> str:
        here.add(release)
        return fetch(release, store=Store.default(), sources=None, say=print).origin

    tarballs = Tarballs(
        at_hand=here.__contains__,
        path=lambda release: fetch(release, store=Store.default(), sources=None, say=print).path,
        origin=origin,
    )
    generation = choose_generation(wish.site, facts, recipe=recipe, keys=KEYS, time_source=None)
    steps = switching_steps(
        Switch(generation=generation.id, unit_sha256=generation.unit_sha256, build=recipe.prefix),
        who="contract",
        confirm_within=90,
        is_answered=lambda: False,
        has_switched=lambda: True,
        prove=list,
        keep=3,
    )
    return [
        *compiling_steps("contract", facts, recipe, tarballs, keep=lambda _: None),
        *staging_steps(generation, asked_at="127.0.0.1"),
        *steps,
    ]


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
        contract = Contract(sandbox=sandbox, host=host, steps=real_plan(host), log=log)
        contract.listings["bare"] = contract.listing()
        survey(host, contract.steps)
        list(converge(host, contract.steps, dry_run=True))
        contract.listings["bare, looked at"] = contract.listing()
        host.claim(who="contract", uid=0, patience=0, say=print)
        for step in contract.steps:
            contract.first.extend(converge(host, [step]))
            contract.second.extend(converge(host, [step]))
        host.leave()
        contract.listings["done"] = contract.listing()
        survey(host, contract.steps)
        contract.listings["done, looked at"] = contract.listing()
        yield contract
        host.transport.close()


def test_the_plan_is_these_steps(contract: Contract) -> None:
    assert [type(step).__name__ for step in contract.steps] == PLAN


@pytest.mark.parametrize("number", range(len(PLAN)), ids=PLAN)
def test_a_bare_host_changes_once(number: int, contract: Contract) -> None:
    # A switch has stopped the rivals itself; their step is for those that come later.
    first = Status.UNCHANGED if PLAN[number] == "OthersStopped" else Status.CHANGED
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


def test_no_secret_is_in_what_was_logged_or_told(contract: Contract) -> None:
    told = "\n".join(outcome.reason + outcome.diff for outcome in contract.first)
    assert_nowhere(SECRET, told, "\n".join(contract.log))
    assert "+keyfile /opt/chrony/current/chrony.keys" in told


CURRENT = "cd /opt/chrony/current/ &&"
DAMAGES = [
    pytest.param(f"{CURRENT} chmod 644 chrony.keys", "Staged", id="keys that others may read"),
    pytest.param(f"{CURRENT} chown root:root chrony.keys", "Staged", id="keys that chronyd may not read"),
    pytest.param(f"{CURRENT} echo '# mine' >>chrony.conf", "Staged", id="configuration edited"),
    pytest.param(f"{CURRENT} rm build", "Staged", id="link to the build gone"),
    pytest.param("chmod 644 /opt/chrony/switch", "File", id="switch not executable"),
    pytest.param("ln -sfn /etc/passwd /opt/chrony/switch", "File", id="switch is a symlink"),
    pytest.param("systemctl stop chronyd", "Active", id="daemon stopped"),
    pytest.param("systemctl disable -q chronyd", "Active", id="daemon not at boot"),
    pytest.param("rm /etc/systemd/system/chronyd.service", "Active", id="unit gone"),
    pytest.param("echo >>/etc/systemd/system/chronyd.service", "Active", id="unit edited"),
    pytest.param("rm /opt/chrony/current", "Rehearsed Active Confirmed", id="current gone"),
    pytest.param("systemctl unmask -q systemd-timesyncd", "OthersStopped", id="rival unmasked"),
    pytest.param("rm /usr/local/bin/chronyc /etc/chrony/chrony.conf", "Links", id="links gone"),
    pytest.param("ln -sfn /opt/chrony/builds/old/chronyc /usr/local/bin/chronyc", "Links", id="link of ours astray"),
]


@pytest.mark.parametrize(("damage", "mended"), DAMAGES)
def test_damage_is_seen_and_mended_by_the_step_whose_it_is(damage: str, mended: str, contract: Contract) -> None:
    login(contract.sandbox, damage)
    outcomes = contract.mend()
    changed = [name for name, outcome in zip(PLAN, outcomes, strict=True) if outcome.status is Status.CHANGED]
    assert changed == mended.split()
    assert {outcome.status for outcome in contract.converge()} == {Status.UNCHANGED}
