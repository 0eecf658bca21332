"""The time services of booted hosts become sites, and a deployment of such a site serves the same clients."""

import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from provision.chrony.language.table import How, directive
from provision.chrony.socket_unit import WILDCARD
from provision.chrony.statement import Statement, statements
from provision.deploy.offline import conf_of
from provision.host.sandbox.sandbox import Sandbox
from provision.keys import Key
from provision.takeover.existing import Program
from provision.takeover.importing import imported
from provision.takeover.local_files import read_service
from tests.helpers.booted_hosts import ROOT, assert_nowhere, booted, login
from tests.helpers.host_state import give_builds, install
from tests.helpers.operators import TIME_SOURCE, Ran
from tests.helpers.outage_meter import outages_measured
from tests.helpers.packaged_chronyd import Package, fetch
from tests.helpers.samples import read_site
from tests.helpers.waiting import await_true
from tests.integration.conftest import CHECKOUT, Deployed

pytestmark = pytest.mark.integration

SECRET = "F0E1D2C3B4A5968778695A4B3C2D1E0F"  # noqa: S105 -- a key of no use
DHCP = "198.18.255.253"
"""A source that a DHCP server names, and that does not answer."""
KEY = Key(12, "AES128", bytes.fromhex(SECRET))
CUSTOMISED = f"""
set -e
mkdir -p /etc/systemd/system/chrony.service.d
printf '[Unit]\\nConditionCapability=\\n[Service]\\nExecStart=\\nExecStart=!/usr/sbin/chronyd -x -F 1\\n' \
    >/etc/systemd/system/chrony.service.d/sandbox.conf
sed -i '/^pool /d' /etc/chrony/chrony.conf
printf 'server {TIME_SOURCE} iburst minpoll 0 maxpoll 4 filter 2\\n' >/etc/chrony/sources.d/own.sources
cd /etc/chrony && openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=ntp1 -keyout nts.key -out nts.crt 2>/dev/null
chown _chrony /etc/chrony/nts.key
cat >/etc/chrony/conf.d/own.conf <<'END'
allow 198.19.0.0/16
allow 10.0.0.0/8
deny 10.9.0.0/16
refclock SHM 2:perm=0666 refid GPS noselect
ntsserverkey /etc/chrony/nts.key
ntsservercert /etc/chrony/nts.crt
ratelimit interval 1 burst 16 leak 2
END
printf '\\n# the weather stations\\n# on the roof\\n12 AES128 HEX:{SECRET}\\n' >>/etc/chrony/chrony.keys
systemctl daemon-reload
systemctl restart chrony
"""
ADDRESSES = ("10.1.2.3", "10.9.2.3", "192.0.2.1", "198.19.0.1", "2001:db8::1")
CASES = sorted((ROOT / "tests/cases/import").rglob("*.conf"))
PROGRAMS = {"chrony": Program.CHRONY, "ntpd": Program.NTPD, "timesyncd": Program.TIMESYNCD}
CHRONYD = "/opt/chrony/current/build/sbin/chronyd"


@pytest.fixture(scope="module")
def host(deployed: Deployed) -> Iterator[Sandbox]:
    with booted(f"it-import-{CHECKOUT}") as host:
        install(host, "chrony", "openssl")
        give_builds(deployed.host, host)
        yield host


def take(deployed: Deployed, host: Sandbox, folder: Path) -> Ran:
    """Import a host into a folder."""
    return deployed.operator.run("import", f"--host=sandbox:{host.name}", f"--to={folder}")


def site_in(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "site.toml").read_text())


def fates(ran: Ran) -> dict[str, str]:
    """Return what became of each line, by its text."""
    assert ran.status == 0, ran
    return {remark["line"]: remark["fate"] for remark in ran.report["imported"]}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return fetch(tmp_path_factory.mktemp("chrony"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_real_chronyd_accepts_the_files_of_an_imported_site(package: Package, path: Path, tmp_path: Path) -> None:
    service = read_service(path, PROGRAMS[path.parent.name])
    (tmp_path / "site.toml").write_text(imported({"file": [service]}, is_site=False, chrony="4.3").site)
    conf = tmp_path / "chrony.conf"
    conf.write_text(conf_of(read_site(tmp_path / "site.toml")))
    chronyd = package.root / "usr/sbin/chronyd"
    printed = subprocess.run([chronyd, "-p", "-f", conf], capture_output=True, text=True, timeout=60, check=False)
    assert (printed.returncode, printed.stderr) == (0, "")
    lines = [line.text for line in statements(conf.read_text())]
    assert [line.text for line in statements(printed.stdout)] == lines


def test_debians_own_configuration(host: Sandbox, deployed: Deployed, tmp_path: Path) -> None:
    done = take(deployed, host, tmp_path)
    assert done.output.startswith(f"sandbox:{host.name}: chrony 4.3\n")
    assert "lost" not in fates(done).values()
    site = site_in(tmp_path)
    assert site["time"]["pools"] == [{"address": "2.debian.pool.ntp.org"}]
    assert site["serve"] == {"role": "client"}
    assert not (tmp_path / "chrony.keys").exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What clients and administrators see of a chronyd."""

    sources: frozenset[str]
    access: tuple[str, ...]
    conf: frozenset[str]
    """The lines with an effect, without those that the deployment owns."""


def state(host: Sandbox, chronyd: str, conf: str, *, more: str = "true") -> State:
    """Return the state; ``more`` prints lines that ``chronyd -p`` leaves out."""
    # A reference clock has its id in place of an address.
    listed = login(host, "chronyc -n -c sources").splitlines()
    access = [login(host, f"chronyc accheck {address}").strip() for address in ADDRESSES]
    printed = login(host, f"{chronyd} -p -f {conf}; {more}")
    lines = {effect(line) for line in statements(printed)} - {""}
    return State(sources=frozenset(line.split(",")[2] for line in listed), access=tuple(access), conf=frozenset(lines))


def effect(line: Statement) -> str:
    """Return a line in one form; empty for one that the deployment owns."""
    row = directive(line.name)
    if row is None or row.site.how is How.DEPLOYMENT or line.name in {"keyfile", "sourcedir", "confdir"}:
        return ""
    words = [f"{float(word):g}" if word.replace(".", "", 1).isdecimal() else word.lower() for word in line.words]
    return " ".join(words)


def test_a_customised_chrony_is_carried_and_its_clients_notice_nothing(
    host: Sandbox, deployed: Deployed, tmp_path: Path
) -> None:
    login(host, CUSTOMISED)
    await_true(lambda: "^*" in login(host, "chronyc -n sources"), "the host's own chrony has no time")
    before = state(host, "/usr/sbin/chronyd", "/etc/chrony/chrony.conf", more="cat /etc/chrony/sources.d/*.sources")

    done = take(deployed, host, tmp_path)
    # A sandbox may not set its clock, and its administrator said so with -x.
    others = {line: fate for line, fate in fates(done).items() if fate != "carried"}
    assert others == {"-x": "lost", "ConditionCapability=": "lost"}
    assert (tmp_path / "chrony.keys").read_text() == f"# the weather stations\n# on the roof\n{KEY.line}\n"
    assert_nowhere(SECRET, done.output, deployed.operator.log if deployed.operator.logs.exists() else "")

    with outages_measured(host.address, KEY) as meter:
        await_true(lambda: meter.silence < 1, "the host's own chrony does not answer key 12")
        site = ("--site", str(tmp_path / "site.toml"))
        refused = deployed.operator.run("deploy", *site)
        # The imported key 12 has the secret of the host.
        assert (refused.status, {loss["id"] for loss in refused.report["losses"]}) == (1, {"unit"})
        switched = deployed.operator.run("deploy", *site, "--replace")
        await_true(lambda: meter.silence < 1, "the host's own chrony does not answer after a refusal")
    assert switched.status == 0, switched
    # A time without an answer would grow while we stand still; each try takes a tenth of a second.
    assert meter.most_missed < 100
    # chronyd takes over the port that systemd keeps open only if chrony.conf has an address for it (socket_unit.py).
    bound = replace(before, conf=before.conf | {f"bindaddress {WILDCARD[4]}"})
    assert state(host, CHRONYD, "/opt/chrony/current/chrony.conf") == bound
    # As a hook of a DHCP client does.
    login(
        host, f"mkdir -p /run/chrony-dhcp; echo 'server {DHCP}' >/run/chrony-dhcp/eth0.sources; chronyc reload sources"
    )
    assert DHCP in login(host, "chronyc -n -c sources")
    assert deployed.operator.run("verify", *site).status == 0


def test_uninstall_gives_the_old_one_back_and_a_chrony_started_by_hand_is_imported(
    host: Sandbox, deployed: Deployed, tmp_path: Path
) -> None:
    left = deployed.operator.run("uninstall", f"--host=sandbox:{host.name}")
    assert left.status == 0, left
    assert login(host, "systemctl is-active chrony").strip() == "active"
    login(host, "systemctl disable --now chrony; printf 'server 10.1.1.1 iburst\\nallow 10/8\\n' >/root/own.conf")
    login(host, "chronyd -x -f /root/own.conf; sleep 1; pidof chronyd")
    done = take(deployed, host, tmp_path)
    assert fates(done)["server 10.1.1.1 iburst"] == "carried"
    assert fates(done)["-x"] == "lost"
    site = site_in(tmp_path)
    assert site["time"]["servers"] == [{"address": "10.1.1.1"}]
    assert site["serve"]["allow"] == ["10.0.0.0/8"]
    login(host, "pkill -x chronyd")


def test_timesyncd_is_a_client(host: Sandbox, deployed: Deployed, tmp_path: Path) -> None:
    install(host, "systemd-timesyncd")
    login(host, "printf '[Time]\\nNTP=10.1.1.2\\n' >/etc/systemd/timesyncd.conf")
    login(host, "printf '[Match]\\nName=none0\\n[Network]\\nNTP=10.1.1.9\\n' >/etc/systemd/network/it.network")
    done = take(deployed, host, tmp_path)
    assert ": systemd-timesyncd 252" in done.output
    assert site_in(tmp_path)["time"]["servers"] == [{"address": "10.1.1.2"}, {"address": "10.1.1.9"}]
    assert site_in(tmp_path)["serve"] == {"role": "client"}


def test_ntpsec_with_keys(host: Sandbox, deployed: Deployed, tmp_path: Path) -> None:
    install(host, "ntpsec")
    planned = deployed.operator.run("plan", f"--host=sandbox:{host.name}")
    assert [loss for loss in planned.report["losses"] if "ntp" in loss["place"]] == []
    conf = "server 10.1.1.3 iburst key 12\\nkeys /etc/ntpsec/ntp.keys\\ntrustedkey 12\\nrestrict default nomodify\\n"
    login(host, f"printf '{conf}' >/etc/ntpsec/ntp.conf; printf '12 AES {SECRET}\\n' >/etc/ntpsec/ntp.keys")
    login(host, "mkdir -p /etc/ntpsec/ntp.d; echo 'server 10.1.1.4 iburst' >/etc/ntpsec/ntp.d/own.conf")
    done = take(deployed, host, tmp_path)
    assert done.output.startswith(f"sandbox:{host.name}: ntpsec ")
    assert_nowhere(SECRET, done.output)
    assert (tmp_path / "chrony.keys").read_text() == f"{KEY.line}\n"
    assert site_in(tmp_path)["time"]["servers"] == [{"address": "10.1.1.3", "key": 12}, {"address": "10.1.1.4"}]
    assert site_in(tmp_path)["serve"]["allow"] == ["0.0.0.0/0", "::/0"]


def test_openntpd_is_named(host: Sandbox, deployed: Deployed, tmp_path: Path) -> None:
    install(host, "openntpd")
    done = take(deployed, host, tmp_path)
    assert done.status == 1
    assert "OpenNTPD keeps the time, and its configuration cannot be imported" in done.output
    assert list(tmp_path.iterdir()) == []
