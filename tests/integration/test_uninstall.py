"""The way out: what kept time before does it again; with --purge the host is as it was, but for what is named here."""

import hashlib
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from provision.host.sandbox.sandbox import Sandbox
from provision.keys import Keys
from provision.verify.ntp.probe import probe
from tests.helpers.booted_hosts import booted, login
from tests.helpers.host_state import current, give_builds, install, pid
from tests.helpers.operators import Operator, Ran
from tests.integration.conftest import Deployed
from tests.integration.test_packaged import UNCONDITIONALLY

pytestmark = pytest.mark.integration

WRITTEN_BY_ITSELF = (
    "var/log/journal/",
    "var/log/lastlog",
    "var/log/wtmp",
    "var/backups/",
    "var/cache/apt/",
    "var/lib/apt/",
    "var/lib/systemd/",
    "var/tmp/systemd-private-",
    "etc/.updated",
    "var/.updated",
)
"""What a running Debian writes to without us."""
ONLY_NEWER = ("etc/passwd", "etc/shadow", "etc/group", "etc/gshadow")
"""Byte for byte as before, and written twice: the account was made and taken away."""
EXCEPTIONS = (
    "etc/passwd-",
    "etc/shadow-",
    "etc/group-",
    "etc/gshadow-",
    "var/lib/chrony/chrony.drift",
)
"""What stays different after ``uninstall --purge``; docs/uninstall.md says why."""
DOCS = Path(__file__).parents[2] / "docs/uninstall.md"

UNITS = "systemctl list-unit-files --no-legend --no-pager | sort"
TIMEKEEPERS = """
for unit in chrony chronyd ntpsec ntp ntpd openntpd systemd-timesyncd; do
    echo "$unit $(systemctl is-active $unit) $(systemctl is-enabled $unit 2>/dev/null)"
done
"""

TIMESYNCD = """
folder=/etc/systemd/system/systemd-timesyncd.service.d
mkdir -p $folder
{
    printf '[Unit]\\nConditionCapability=\\nConditionVirtualization=\\n'
    printf '[Service]\\nType=simple\\nWatchdogSec=0\\nExecStart=\\nExecStart=/usr/bin/sleep 86400\\n'
} >$folder/lab.conf
systemctl daemon-reload
systemctl restart systemd-timesyncd
"""
"""It runs only where the clock may be set; what is started and stopped here is its unit."""
OF_THE_ADMINISTRATOR = """
systemctl disable --now ntpsec
systemctl mask openntpd
printf '[Service]\\nExecStart=/usr/bin/sleep 86400\\n[Install]\\nWantedBy=multi-user.target\\n' \
    >/etc/systemd/system/chronyd.service
systemctl daemon-reload
systemctl enable --now chronyd
"""
AS_ON_EL = """
printf '[Service]\\nExecStart=/usr/bin/sleep 86400\\n[Install]\\nWantedBy=multi-user.target\\n' \
    >/usr/lib/systemd/system/chronyd.service
systemctl daemon-reload
systemctl enable --now chronyd
"""
"""RPM distributions' package has a unit of our unit's name."""
PACKAGED = f"""
printf '# ours\\nlocal stratum 7\\nallow\\n' >>/etc/chrony/chrony.conf
{UNCONDITIONALLY}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A host from outside, and what it says of its services."""

    files: Mapping[str, tuple[str, ...]] = field(repr=False)
    """Path → kind, mode, owner, then size, content and time of a file, or target of a link."""
    timekeepers: str
    units: str = field(repr=False)
    packages: str
    """What ``dpkg -V`` complains of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A host that kept time in some way before we came."""

    host: Sandbox
    operator: Operator
    before: Seen
    giver: Sandbox

    def run(self, task: str, *words: str) -> Ran:
        # Somebody has configured each of these hosts.
        agreed = ["--replace"] if task == "deploy" else []
        return self.operator.run(task, f"--host=sandbox:{self.host.name}", *agreed, *words)


def describe(path: Path) -> tuple[str, ...]:
    status = path.lstat()
    owned = (oct(status.st_mode), f"{status.st_uid}:{status.st_gid}")
    if stat.S_ISLNK(status.st_mode):
        return (*owned, str(path.readlink()))
    if not stat.S_ISREG(status.st_mode):
        return owned
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return (*owned, str(status.st_size), digest, str(status.st_mtime_ns))


def look(host: Sandbox) -> Seen:
    paths = {str(path.relative_to(host.root)): path for path in host.root.rglob("*")}
    return Seen(
        files={name: describe(path) for name, path in paths.items() if not name.startswith(WRITTEN_BY_ITSELF)},
        timekeepers=login(host, TIMEKEEPERS),
        units=login(host, UNITS),
        packages=login(host, "dpkg -V || true"),
    )


def changed(before: Seen, after: Seen) -> set[str]:
    """Return the paths that differ; those of ONLY_NEWER without their time."""
    return {
        name
        for name in before.files.keys() | after.files.keys()
        if before.files.get(name, ())[: 4 if name in ONLY_NEWER else None]
        != after.files.get(name, ())[: 4 if name in ONLY_NEWER else None]
    }


def prepared(name: str, package: str, script: str, deployed: Deployed) -> Iterator[Case]:
    with booted(name) as host:
        install(host, package)
        login(host, f"{{ {script}\n}} 2>&1")
        before = look(host)
        give_builds(deployed.host, host)
        yield Case(host=host, operator=deployed.operator, before=before, giver=deployed.host)


@pytest.fixture(scope="module")
def packaged(deployed: Deployed) -> Iterator[Case]:
    yield from prepared("it-way-out-chrony", "chrony", PACKAGED, deployed)


@pytest.fixture(scope="module")
def timesyncd(deployed: Deployed) -> Iterator[Case]:
    yield from prepared("it-way-out-timesyncd", "systemd-timesyncd", TIMESYNCD, deployed)


@pytest.fixture(scope="module")
def administered(deployed: Deployed) -> Iterator[Case]:
    """ntpsec disabled, openntpd masked, and a chronyd.service of the administrator's own."""
    yield from prepared("it-way-out-admin", "ntpsec", OF_THE_ADMINISTRATOR, deployed)


@pytest.fixture(scope="module")
def named_alike(deployed: Deployed) -> Iterator[Case]:
    yield from prepared("it-way-out-el", "netbase", AS_ON_EL, deployed)


@pytest.fixture(params=["packaged", "timesyncd", "administered", "named_alike"])
def case(request: pytest.FixtureRequest) -> Case:
    one: Case = request.getfixturevalue(request.param)
    return one


def serves_time(host: Sandbox) -> bool:
    return probe(host.address, Keys(())).answered


def assert_services_as_before(case: Case) -> None:
    assert login(case.host, TIMEKEEPERS) == case.before.timekeepers
    assert login(case.host, UNITS) == case.before.units
    assert login(case.host, "dpkg -V || true") == case.before.packages


def test_a_first_switch_that_fails_gives_the_packaged_daemon_its_work_back(packaged: Case) -> None:
    assert serves_time(packaged.host)
    ran = packaged.run("deploy", packaged.operator.site("[time]\nextra = ['refclock PHC /dev/null']\n"))
    assert ran.status == 1
    assert "did not come up; active again: chrony.service: " in ran.error
    assert "/dev/null" in ran.error
    assert_services_as_before(packaged)
    assert serves_time(packaged.host)


def test_before_the_first_deployment_there_is_nothing_to_leave(timesyncd: Case) -> None:
    ran = timesyncd.run("uninstall")
    assert (ran.status, ran.changed) == (0, {})
    assert "nothing changed" in ran.output
    assert_services_as_before(timesyncd)


def test_uninstall_puts_the_time_service_back_that_was_there(case: Case) -> None:
    case.run("deploy").assert_proven()
    case.run("deploy", case.operator.site("time.maxupdateskew = 77.0\n")).assert_proven()
    generation = current(case.host)

    left = case.run("uninstall")
    assert left.status == 0, left
    assert list(left.changed) == ["restored"]
    assert any("/opt/chrony stays" in note for note in left.report["notes"])
    assert_services_as_before(case)
    ours = changed(case.before, look(case.host))
    assert [name for name in ours if name.startswith(("usr/", "etc/chrony/", "etc/systemd/"))] == []
    assert (case.host.root / "opt/chrony/generations" / generation).is_dir()
    assert (case.host.root / "opt/chrony/history").read_text().splitlines()[-1].split()[2:4] == ["before", "active"]


def test_the_packaged_daemon_answers_again(packaged: Case) -> None:
    assert serves_time(packaged.host)


def test_a_second_uninstall_has_nothing_to_do(case: Case) -> None:
    again = case.run("uninstall")
    assert (again.status, again.changed) == (0, {})
    assert "nothing changed" in again.output
    assert_services_as_before(case)


def test_a_host_that_was_left_can_be_deployed_again_and_remembers_anew(case: Case) -> None:
    again = case.run("deploy")
    again.assert_proven()
    remembered = (case.host.root / "opt/chrony/before/services").read_text()
    assert {tuple(line.split()) for line in remembered.splitlines()} == {
        tuple(words)
        for words in (line.replace(" ", ".service ", 1).split() for line in case.before.timekeepers.splitlines())
        if len(words) == 3 and words[2] in {"enabled", "disabled"} and not words[0].startswith("chronyd.")
    }


def test_purge_leaves_the_host_as_it_was_except_for_the_paths_named_here(case: Case) -> None:
    purged = case.run("uninstall", "--purge")
    assert purged.status == 0, purged
    assert list(purged.changed) == ["restored", "purged"]
    after = look(case.host)
    assert changed(case.before, after) <= set(EXCEPTIONS)
    assert after.timekeepers == case.before.timekeepers
    assert after.units == case.before.units
    assert after.packages == case.before.packages
    assert not (case.host.root / "opt/chrony").exists()


def test_a_second_purge_has_nothing_to_do(case: Case) -> None:
    again = case.run("uninstall", "--purge")
    assert (again.status, again.changed) == (0, {})
    assert "nothing changed" in again.output


def test_each_exception_is_explained() -> None:
    explained = set(re.findall(r"^\| `/([^`]+)`", DOCS.read_text(), re.MULTILINE))
    assert explained == {*EXCEPTIONS, *ONLY_NEWER}


def test_by_hand_where_the_package_was_removed_since(packaged: Case) -> None:
    give_builds(packaged.giver, packaged.host)
    packaged.run("deploy").assert_proven()
    ours = pid(packaged.host)
    login(packaged.host, "DEBIAN_FRONTEND=noninteractive apt-get -y remove chrony 2>&1")
    assert pid(packaged.host) == ours
    said = login(packaged.host, "/opt/chrony/switch --before 2>&1").splitlines()
    assert "chrony.service is not installed any more" in said
    assert said[-1] == "no time service that ran before the first deployment is installed, and none was started"
    assert pid(packaged.host) == 0
    assert login(packaged.host, "tail -n 1 /opt/chrony/history").split()[2:4] == ["before", "none"]
    assert packaged.run("uninstall").changed == {}
