"""Keys and lines of ``keys.export`` in the programs of Debian for which they are: put there as they are."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import ROOT, booted, login
from tests.helpers.host_state import install
from tests.helpers.operators import Operator

pytestmark = pytest.mark.integration

NAME = "it-exported"
SITE = f"""
[release]
nettle = "system"
[build]
nts = false
readline = false
[serve]
allow = ["198.18.0.0/15"]
[time]
servers = [{{ address = "198.19.0.2", minpoll = 0, maxpoll = 4 }}]
[hosts]
ntp1 = {{ host = "sandbox:{NAME}" }}
"""
TYPES = {1: "AES128", 2: "AES128", 3: "SHA1", 4: "AES256", 5: "MD5", 6: "SHA256"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server with a key of each type, and its operator."""

    host: Sandbox
    operator: Operator
    option: str

    def export(self, id_: int, format_: str) -> tuple[str, str]:
        """Export a key; return the file and the lines of its client, as they were printed."""
        to = self.operator.home / "exported"
        to.unlink(missing_ok=True)
        ran = self.operator.run_plainly("keys.export", str(id_), self.option, f"--format={format_}", f"--to={to}")
        assert ran.status == 0, ran
        return to.read_text(), ran.output.partition("\n")[2]

    def authenticated(self) -> int:
        """Return the number of authenticated requests that the server has answered."""
        (line,) = login(self.host, "chronyc serverstats | grep '^Authenticated NTP packets'").splitlines()
        return int(line.split(":")[1])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    operator = Operator(tmp_path_factory.mktemp("operator"))
    option = operator.site(SITE)
    with booted(NAME) as host:
        for type_ in TYPES.values():
            assert operator.run_plainly("keys.add", option, f"--type={type_}").status == 0
        operator.run("deploy", option).assert_proven()
        yield Served(host=host, operator=operator, option=option)


@pytest.fixture(scope="module")
def client() -> Iterator[Sandbox]:
    """Boot a host with NTPsec, beside which chrony's package cannot be."""
    with booted(f"{NAME}-ntpsec") as host:
        install(host, "ntpsec", "ntpsec-ntpdig")
        login(host, "systemctl stop ntpsec")
        yield host


@pytest.fixture(scope="module")
def chrony_client() -> Iterator[Sandbox]:
    with booted(f"{NAME}-chrony") as host:
        install(host, "chrony")
        login(host, "systemctl stop chrony")
        yield host


@pytest.fixture(scope="module")
def ntp_client() -> Iterator[Sandbox]:
    """Boot a host of the last Debian that has ntpd of ntp.org."""
    with booted(f"{NAME}-ntp", "bullseye") as host:
        install(host, "ntp", "ntpdate")
        login(host, "systemctl stop ntp")
        yield host


def write(host: Sandbox, path: str, text: str) -> None:
    (host.root / path.lstrip("/")).write_text(text)


def spoiled(keys: str) -> str:
    """Return a key file in which the last digit of the secret is another one."""
    line = keys.rstrip("\n")
    return f"{line[:-1]}{'0' if line[-1] != '0' else '1'}\n"


def assert_chrony_authenticates(host: Sandbox, server: str, *, yes: bool) -> None:
    login(host, "pkill -x chronyd && sleep 1; chronyd -x")
    for _ in range(100):
        said = login(host, f"chronyc ntpdata {server}")
        if "Authenticated   : Yes" in said:
            break
        time.sleep(0.1)
    assert ("Authenticated   : Yes" in said) == yes, said


@pytest.mark.parametrize("id_", TYPES, ids=TYPES.get)
def test_chrony_is_authenticated_by_each_type(id_: int, served: Served, chrony_client: Sandbox) -> None:
    keys, lines = served.export(id_, "chrony")
    write(chrony_client, "/etc/chrony/chrony.keys", keys)
    write(chrony_client, "/etc/chrony/chrony.conf", lines)
    assert_chrony_authenticates(chrony_client, served.host.address, yes=True)


def test_chrony_with_another_secret_is_not(served: Served, chrony_client: Sandbox) -> None:
    keys, lines = served.export(2, "chrony")
    write(chrony_client, "/etc/chrony/chrony.keys", spoiled(keys))
    write(chrony_client, "/etc/chrony/chrony.conf", lines)
    assert_chrony_authenticates(chrony_client, served.host.address, yes=False)


def test_the_command_of_the_page_for_devices_tells_whether_the_server_answers(
    served: Served, chrony_client: Sandbox
) -> None:
    (line,) = re.findall(r"^    (chronyd -Q .*)$", (ROOT / "docs/devices.md").read_text(), re.MULTILINE)
    for host in (served.host, chrony_client):
        login(host, line.replace("10.30.0.1", served.host.address))
        said = login(host, f"{line.replace('10.30.0.1', '198.19.255.254')} || echo ended with $?")
        assert said.endswith("ended with 1\n")


STATISTICS = "statsdir /run/peerstats/\nfilegen peerstats file peerstats type none enable\n"
"""ntpd then writes the status word of each server: whether it is configured, authenticated and reached."""
AUTHENTIC, REACHED = 0x2000, 0x1000


def ntpd_reaches(host: Sandbox, configuration: str) -> bool:
    """Run ntpd until an answer is authentic, or for some seconds; return whether one was."""
    write(host, "/etc/tested.conf", configuration + STATISTICS)
    # No host that boots here may set its clock: ntpd only measures.
    login(host, "rm -rf /run/peerstats; mkdir /run/peerstats; ntpd -n -g -c /etc/tested.conf >/dev/null 2>&1 &")
    deadline = time.monotonic() + 8
    try:
        while time.monotonic() < deadline:
            found = login(host, "cat /run/peerstats/peerstats 2>/dev/null || true").splitlines()
            if found and int(found[-1].split()[3], 16) & (AUTHENTIC | REACHED) == AUTHENTIC | REACHED:
                return True
            time.sleep(0.2)
    finally:
        login(host, "pkill -x ntpd; while pgrep -x ntpd >/dev/null; do sleep 0.1; done")
    return False


@pytest.mark.parametrize("id_", TYPES, ids=TYPES.get)
def test_ntpsec_is_authenticated_by_each_type(id_: int, served: Served, client: Sandbox) -> None:
    keys, lines = served.export(id_, "ntpsec")
    write(client, "/etc/ntpsec/ntp.keys", keys)
    before = served.authenticated()
    assert ntpd_reaches(client, lines)
    assert served.authenticated() > before


def test_ntpsec_with_another_secret_or_without_trust_is_not(served: Served, client: Sandbox) -> None:
    keys, lines = served.export(2, "ntpsec")
    write(client, "/etc/ntpsec/ntp.keys", keys)
    assert not ntpd_reaches(client, lines.replace("trustedkey", "# trustedkey"))
    write(client, "/etc/ntpsec/ntp.keys", spoiled(keys))
    assert not ntpd_reaches(client, lines)


def test_ntpdig_reads_the_same_file(served: Served, client: Sandbox) -> None:
    keys, _ = served.export(2, "ntpsec")
    write(client, "/etc/ntpsec/ntp.keys", keys)
    command = f"ntpdig -t 2 -a 2 -k /etc/ntpsec/ntp.keys {served.host.address}"
    assert served.host.address in login(client, command)
    write(client, "/etc/ntpsec/ntp.keys", spoiled(keys))
    assert login(client, f"{command} >/dev/null 2>&1 || echo failed") == "failed\n"


@pytest.mark.parametrize("id_", [2, 3, 5, 6], ids=TYPES.get)
def test_ntpd_of_ntp_org_is_authenticated(id_: int, served: Served, ntp_client: Sandbox) -> None:
    keys, lines = served.export(id_, "ntp.keys")
    write(ntp_client, "/etc/ntp.keys", keys)
    assert ntpd_reaches(ntp_client, lines)


def test_ntpd_of_ntp_org_with_another_secret_or_without_trust_is_not(served: Served, ntp_client: Sandbox) -> None:
    keys, lines = served.export(2, "ntp.keys")
    write(ntp_client, "/etc/ntp.keys", keys)
    assert not ntpd_reaches(ntp_client, lines.replace("trustedkey", "# trustedkey"))
    write(ntp_client, "/etc/ntp.keys", spoiled(keys))
    assert not ntpd_reaches(ntp_client, lines)
    command = f"ntpdate -q -a 2 -k /etc/ntp.keys {served.host.address} >/dev/null 2>&1 || echo failed"
    assert login(ntp_client, command) == "failed\n"
    write(ntp_client, "/etc/ntp.keys", keys)
    assert login(ntp_client, command) == ""
