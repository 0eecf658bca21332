"""Keys and lines of ``keys.export`` in the programs of Debian for which they are; and which keys those have used."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

from provision.host.sandbox.sandbox import Sandbox
from provision.keys import TYPES as KEY_TYPES
from provision.keys import make_key, parse_keys
from tests.helpers.booted_hosts import ROOT, booted, login
from tests.helpers.devices import ask_as_device
from tests.helpers.host_state import install, start_by_hand
from tests.helpers.host_under_test import SMALL
from tests.helpers.operators import Operator
from tests.helpers.report_schema import checked
from tests.helpers.waiting import PATIENCE, await_true

pytestmark = pytest.mark.integration

NAME = "it-exported"
SITE = f"""
{SMALL}
[serve]
allow = ["198.18.0.0/15"]
[keys]
usage = true
[time]
servers = [{{ address = "198.19.0.2", minpoll = 0, maxpoll = 4 }}]
[hosts]
ntp1 = {{ host = "sandbox:{NAME}" }}
"""
TYPES = {1: "AES128", 2: "AES128", 3: "SHA1", 4: "AES256", 5: "MD5", 6: "SHA256"}
DEVICES = range(1001, 1045)
"""The ids of further keys, of every type in turn; a deployment proves fifty, and counts none of them as used."""
SILENT = DEVICES[-10:]
"""Those that nobody uses."""
UNANSWERED = 3
"""As many requests as this are no accident."""


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
def served(small_artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    operator = Operator(tmp_path_factory.mktemp("operator"))
    operator.share_artifacts(small_artifacts)
    option = operator.site(SITE)
    with booted(NAME) as host:
        every = [*TYPES.items(), *zip(DEVICES, cycle(KEY_TYPES), strict=False)]
        text = "".join(f"# added 2026-01-01: device {id_}\n{make_key(id_, type_).line}\n" for id_, type_ in every)
        operator.key_file.parent.mkdir(parents=True)
        operator.key_file.write_text(text)
        operator.key_file.chmod(0o600)
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
    def is_authenticated() -> bool:
        return "Authenticated   : Yes" in login(host, f"chronyc ntpdata {server}")

    def requests() -> int:
        (sent,) = re.findall(r"^Total TX +: (\d+)$", login(host, f"chronyc ntpdata {server}"), re.MULTILINE)
        return int(sent)

    start_by_hand(host)
    if yes:
        await_true(is_authenticated, "no answer is authenticated", every=0.2)
        return
    await_true(lambda: requests() > UNANSWERED, "it does not ask", every=0.2)
    assert not is_authenticated()


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
IN_VAIN = 8.0
"""Seconds; with the right key, one is enough on a machine that does nothing else."""


def ntpd_reaches(host: Sandbox, configuration: str, seconds: float = PATIENCE) -> bool:
    """Run ntpd until an answer is authentic, or for so many seconds; return whether one was."""
    write(host, "/etc/tested.conf", configuration + STATISTICS)
    # No host that boots here may set its clock: ntpd only measures.
    login(host, "rm -rf /run/peerstats; mkdir /run/peerstats; ntpd -n -g -c /etc/tested.conf >/dev/null 2>&1 &")
    deadline = time.monotonic() + seconds
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
    assert not ntpd_reaches(client, lines.replace("trustedkey", "# trustedkey"), IN_VAIN)
    write(client, "/etc/ntpsec/ntp.keys", spoiled(keys))
    assert not ntpd_reaches(client, lines, IN_VAIN)


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
    assert not ntpd_reaches(ntp_client, lines.replace("trustedkey", "# trustedkey"), IN_VAIN)
    write(ntp_client, "/etc/ntp.keys", spoiled(keys))
    assert not ntpd_reaches(ntp_client, lines, IN_VAIN)
    command = f"ntpdate -q -a 2 -k /etc/ntp.keys {served.host.address} >/dev/null 2>&1 || echo failed"
    assert login(ntp_client, command) == "failed\n"
    write(ntp_client, "/etc/ntp.keys", keys)
    assert login(ntp_client, command) == ""


def usage_of(served: Served) -> Mapping[int, int]:
    """Return how often each key was answered, as ``keys --usage`` says."""
    report = served.operator.home / "usage.json"
    ran = served.operator.run_plainly("keys", "--usage", served.option, f"--json={report}")
    assert ran.status == 0, ran
    assert re.search(rf"^{SILENT[0]} +\S+ +never +0 +- +device {SILENT[0]}$", ran.output, re.MULTILINE)
    (host,) = checked(json.loads(report.read_text()))["hosts"]
    assert host["key_usage"]["unknown"] == ""
    return {key["id"]: key["answers"] for key in host["key_usage"]["keys"]}


def test_exactly_the_keys_that_clients_use_are_counted(
    served: Served, chrony_client: Sandbox, client: Sandbox, ntp_client: Sandbox
) -> None:
    known = {key.id: key for key in parse_keys(served.operator.key_file.read_text(), "keys")}
    before = usage_of(served)
    assert not before.keys() & set(DEVICES), "a proof of the deployment was counted"
    server = served.host.address
    by_chrony, by_device = DEVICES[:14], DEVICES[14:-10]
    write(chrony_client, "/etc/chrony/chrony.keys", "".join(f"{key.line}\n" for key in known.values()))
    login(chrony_client, "pkill -x chronyd || true")
    options = "'port 0' 'cmdport 0' 'bindcmdaddress /' 'keyfile /etc/chrony/chrony.keys'"
    asking = f'chronyd -x -Q -t 5 "server {server} iburst maxsamples 1 key $id" {options} || exit 1'
    login(chrony_client, f"for id in {' '.join(map(str, by_chrony))}; do {asking}; done")
    keys, _ = served.export(2, "ntpsec")
    write(client, "/etc/ntpsec/ntp.keys", keys)
    login(client, f"ntpdig -t 2 -a 2 -k /etc/ntpsec/ntp.keys {server}")
    keys, _ = served.export(3, "ntp.keys")
    write(ntp_client, "/etc/ntp.keys", keys)
    login(ntp_client, f"ntpdate -q -a 3 -k /etc/ntp.keys {server}")
    for id_ in by_device:
        assert ask_as_device(server, known[id_], version=4), known[id_]
        assert ask_as_device(server, known[id_], version=3), known[id_]
    for id_ in SILENT:
        wrong = bytes(range(32))[: len(known[id_].secret)]
        assert not ask_as_device(server, known[id_], version=4, secret=wrong, patience=0.3)
    after = usage_of(served)
    assert after.keys() & set(DEVICES) == set(DEVICES) - set(SILENT)
    assert {after[id_] for id_ in by_device} == {2}
    said = served.operator.run_plainly("keys", "--usage", "--addresses", served.option).output
    assert re.search(rf"^{by_chrony[0]} .* {chrony_client.address} +device", said, re.MULTILINE)
    assert after[2] > before.get(2, 0)
    assert after[3] > before.get(3, 0)
    assert served.operator.run_plainly("verify", served.option).status == 0
    assert usage_of(served) == after, "a proof was counted"


def test_the_counts_outlive_a_restart_a_flush_and_a_firewall(served: Served) -> None:
    before = usage_of(served)
    login(served.host, "systemctl restart chrony-provision-usage.service")
    assert usage_of(served) == before
    login(served.host, "systemctl start chrony-provision-usage-save.service; nft flush ruleset")
    assert served.operator.run("verify", served.option).held("site.key-usage") is False
    login(served.host, "systemctl start chrony-provision-usage-save.service")
    assert usage_of(served) == before
    login(served.host, "systemctl start nftables.service && systemctl reload nftables.service")
    assert usage_of(served) == before
    assert served.operator.run("verify", served.option).status == 0
    assert (
        login(served.host, "stat -c %a /var/lib/chrony-provision /var/lib/chrony-provision/key-usage") == "700\n600\n"
    )


def test_the_keys_that_nobody_used_are_retired_and_the_others_are_named(served: Served) -> None:
    retire = ("keys.retire", "all", "--unused-for=30d", served.option)
    assert "do not know it for so long: ntp1: only counted since" in served.operator.run_plainly(*retire).errors
    login(served.host, "sed -i 's/^since .*/since 1700000000/' /var/lib/chrony-provision/key-usage")
    before = parse_keys(served.operator.key_file.read_text(), "keys")
    device = next(key for key in before if key.id == DEVICES[0])
    assert ask_as_device(served.host.address, device, version=4)
    used = usage_of(served).keys()
    ran = served.operator.run_plainly(*retire, "--addresses")
    assert ran.status == 0, ran
    assert set(parse_keys(served.operator.key_file.read_text(), "keys").ids) == set(used)
    assert set(before.ids) - used >= set(SILENT)
    named = re.findall(r"^stays: key (\d+) 'device \d+': answered by ntp1 \d{4}-", ran.output, re.MULTILINE)
    assert set(map(int, named)) == set(used)
    assert re.search(rf"^stays: key {device.id} '.*, asked from: 198\.[0-9., ]+$", ran.output, re.MULTILINE)


def test_the_table_goes_with_an_uninstallation_and_no_other_table_does(served: Served) -> None:
    login(served.host, "nft add table inet of_the_administrator")
    assert served.operator.run("uninstall", "--host=ntp1", served.option).status == 0
    tables = login(served.host, "nft list tables")
    assert "of_the_administrator" in tables
    assert "chrony_provision" not in tables
    left = "find /etc /var/lib /opt/chrony -name '*chrony-provision*' -o -name 'key-usage*'"
    assert login(served.host, f"{left}; systemctl --all list-units 'chrony-provision*' --plain --no-legend") == ""
