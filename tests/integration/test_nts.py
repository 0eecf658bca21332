"""A server with NTS on a booted host: clients of others, and each way in which its certificate can be wrong."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from provision.host.sandbox.sandbox import Sandbox
from provision.verify.ntp.nts_client import Outcome
from tests.helpers.booted_hosts import assert_nowhere, booted, login
from tests.helpers.certificates import NOW, YEAR, Authority, Issued
from tests.helpers.host_state import RESTART, current, files_of, holders, install, journal, start_by_hand
from tests.helpers.nts_requests import ask, exchange_with
from tests.helpers.operators import Operator, Ran
from tests.helpers.packaged_chronyd import fetch
from tests.helpers.waiting import PATIENCE
from tests.integration.conftest import CHECKOUT, Deployed

pytestmark = pytest.mark.integration

NAME = "ntp1.nts.test"
"""No DNS has it: the server's clients on its host find it nevertheless."""
SITE = f"""
keys.usage = true
[serve.nts]
certificate = "nts.crt"
key = "nts.key"
authority = "ca.pem"
names = ["{NAME}"]
"""
CHECKS = (
    "server.nts",
    "server.nts-refused",
    "client.nts",
    "client.nts-refused",
    "client.nts-request",
    "client.nts-fresh-cookies",
    "client.nts-altered-cookie",
    "nts.certificate-end",
)
CHRONYC = "/opt/chrony/current/build/bin/chronyc"


@dataclass(frozen=True, slots=True, kw_only=True)
class NtsHost:
    """A host with NTS after its deployment."""

    host: Sandbox
    operator: Operator
    authority: Authority
    pair: Issued
    first: Ran

    @property
    def folder(self) -> Path:
        """The folder of the site file and the certificates."""
        return self.operator.home / "site"

    def run(self, task: str, *words: str) -> Ran:
        """Run a task on the host."""
        return self.operator.run(task, f"--host=sandbox:{self.host.name}", f"--site={self.folder}/site.toml", *words)

    def write(self, pair: Issued) -> None:
        """Put another certificate beside the site file."""
        pair.write(self.folder)

    @contextmanager
    def altered(self, **files: str) -> Iterator[None]:
        """Write files of the current generation anew, and restart chronyd; undo both."""
        folder = self.host.root / "opt/chrony/current"
        folder = folder.parent / folder.readlink()
        before = {name: (folder / f"nts.{name}").read_text() for name in files}
        for name, text in files.items():
            (folder / f"nts.{name}").write_text(text)
        login(self.host, RESTART)
        try:
            yield
        finally:
            for name, text in before.items():
                (folder / f"nts.{name}").write_text(text)
            login(self.host, RESTART)

    def counted(self, what: str) -> int:
        """Return a counter of the server."""
        (line,) = (one for one in login(self.host, f"{CHRONYC} serverstats").splitlines() if one.startswith(what))
        return int(line.split(":")[1])


@pytest.fixture(scope="module")
def nts(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[NtsHost]:
    operator = Operator(tmp_path_factory.mktemp("nts"))
    # The build of the host that all tests share.
    operator.share_artifacts(deployed.operator.artifacts.resolve())
    authority = Authority.make()
    pair = authority.issue(NAME)
    folder = operator.home / "site"
    folder.mkdir()
    pair.write(folder)
    (folder / "ca.pem").write_text(authority.certificate)
    (folder / "site.toml").write_text(SITE)
    with booted(f"it-nts-{worker_id}-{CHECKOUT}") as host:
        first = operator.run("deploy", f"--host=sandbox:{host.name}", f"--site={folder}/site.toml")
        yield NtsHost(host=host, operator=operator, authority=authority, pair=pair, first=first)


def test_a_server_is_proven_by_clients_with_nts(nts: NtsHost) -> None:
    nts.first.assert_proven()
    for check in CHECKS:
        assert nts.first.held(check, NAME), check
    assert "The certificate issuer is unknown" in nts.first.seen("server.nts-refused")
    assert nts.first.seen("client.nts") == "8 cookies"
    assert nts.first.seen("client.nts-fresh-cookies").startswith("2 of 2 fresh cookies; with one of them: offset ")
    assert nts.first.seen("client.nts-altered-cookie") == "NTS NAK (kiss code NTSN)"
    again = nts.run("deploy")
    again.assert_proven()
    assert (again.changed, again.report["round_trips"]) == ({}, 3)


def test_the_private_key_is_on_disk_for_root_alone_and_in_memory_for_the_service(nts: NtsHost) -> None:
    lines = nts.pair.lines
    assert_nowhere(lines[0], nts.first.output, nts.first.errors, str(nts.first.reports))
    assert_nowhere(lines[0], *(path for path in nts.operator.home.iterdir() if path.name != "site"))
    assert holders(nts.host, lines[0]) == [
        f"/opt/chrony/generations/{current(nts.host)}/nts.key 0600 root:root",
        "/run/credentials/chronyd.service/nts.key 0400 _chrony:root",
    ]
    assert_nowhere(lines[0], journal(nts.host))


def before_the_switch(nts: NtsHost) -> dict[str, tuple[Issued, str]]:
    other = nts.authority.issue(NAME)
    return {
        "expired": (nts.authority.issue(NAME, end=NOW - timedelta(days=1)), "nts.crt: the certificate expired on "),
        "not yet valid": (
            nts.authority.issue(NAME, begin=NOW + YEAR / 2),
            "nts.crt: the certificate is not valid before ",
        ),
        "other key": (Issued(nts.pair.certificate, other.key), "nts.key: is not the key of the certificate in "),
        "wrong name": (
            nts.authority.issue("ntp2.nts.test"),
            "the certificate is for ntp2.nts.test, and not for ",
        ),
        "no key": (Issued(nts.pair.certificate, ""), "nts.key: holds no private key in PEM that can be read"),
    }


def test_a_wrong_certificate_is_refused_before_the_host_is_touched(nts: NtsHost) -> None:
    before = files_of(nts.host)
    try:
        for name, (pair, words) in before_the_switch(nts).items():
            nts.write(pair)
            ran = nts.run("deploy")
            assert (ran.status, words in ran.error) == (2, True), (name, ran)
    finally:
        nts.write(nts.pair)
    assert files_of(nts.host) == before


def on_the_host(nts: NtsHost) -> dict[str, tuple[dict[str, str], str]]:
    """Return files that are altered on the host, and what a client on the host says of it."""
    expired = nts.authority.issue(NAME, end=NOW - timedelta(days=1))
    early = nts.authority.issue(NAME, begin=NOW + YEAR / 2)
    stranger = Authority.make("Another").issue(NAME)
    other_name = nts.authority.issue("ntp2.nts.test")
    return {
        "expired": ({"crt": expired.certificate, "key": expired.key}, "The certificate chain uses expired certificate"),
        "not yet valid": ({"crt": early.certificate, "key": early.key}, "not yet valid certificate"),
        "other key": ({"key": stranger.key}, "TLS handshake with 127.0.0.1:4460"),
        "other authority": ({"crt": stranger.certificate, "key": stranger.key}, "The certificate issuer is unknown"),
        "other name": (
            {"crt": other_name.certificate, "key": other_name.key},
            "The name in the certificate does not match the expected",
        ),
    }


def test_what_goes_wrong_later_is_named_by_verify(nts: NtsHost) -> None:
    for name, (files, words) in on_the_host(nts).items():
        with nts.altered(**files):
            ran = nts.run("verify", "--sync-timeout=20")
        assert (ran.status, ran.held("server.nts")) == (1, False), (name, ran)
        assert words in ran.seen("server.nts"), (name, ran.seen("server.nts"))
        assert ran.held("client.nts") is False, name
        assert ran.held("server.plain-request", "127.0.0.1") is True, name


def test_a_closed_port_is_named_with_the_firewall(nts: NtsHost) -> None:
    install(nts.host, "nftables")
    rules = "add table inet t; add chain inet t input { type filter hook input priority 0; }; add rule inet t input"
    login(nts.host, f"nft '{rules} iifname != lo tcp dport 4460 drop'")
    try:
        ran = nts.run("verify")
    finally:
        login(nts.host, "nft delete table inet t")
    assert (ran.status, ran.held("client.nts"), ran.held("server.nts")) == (1, False, True)
    assert "no connection to its TCP port, while NTP answers" in ran.seen("client.nts")
    assert any("nftables (table inet t, chain input)" in note and "4460/tcp" in note for note in ran.report["notes"])


def test_cookies_outlive_a_restart_of_the_server_and_not_the_loss_of_its_keys(nts: NtsHost) -> None:
    exchange = exchange_with(nts.host, NAME, nts.authority.certificate)
    login(nts.host, RESTART)
    found = ask(nts.host, exchange, exchange.cookies)
    assert (found.outcome, len(found.cookies)) == (Outcome.AUTHENTICATED, 1)
    # As on a full disk, where ntsdumpdir cannot be written.
    login(nts.host, f"systemctl stop chronyd; rm -f /var/lib/chrony/ntskeys; {RESTART}")
    assert ask(nts.host, exchange, found.cookies).outcome is Outcome.NAK


@pytest.fixture(scope="module")
def client(nts: NtsHost) -> Iterator[Sandbox]:
    """Boot a Debian 13 that knows the server by its name."""
    with booted(f"{nts.host.name}-client", "trixie") as host:
        install(host, "chrony", "ntpd-rs", "strace")
        (host.root / "etc/ca.pem").write_text(nts.authority.certificate)
        with (host.root / "etc/hosts").open("a") as file:
            file.write(f"{nts.host.address} {NAME}\n")
        yield host


def wait_for_answers(host: Sandbox, least: int, *, exchanges: str = "1") -> dict[str, str]:
    """Return the fields of authdata by their names, once a stock chronyd had so many authenticated answers.

    ``exchanges``: the number of key exchanges after which they have to come.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        (authdata,) = login(host, "chronyc -c -n authdata").splitlines()
        (ntpdata,) = login(host, "chronyc -c -n ntpdata").splitlines()
        fields = ntpdata.split(",")
        names = ("address", "mode", "key", "type", "length", "last", "attempts", "nak", "cookies", "cookie_length")
        found = dict(zip(names, authdata.split(","), strict=True))
        is_done = fields[27] == "Yes" and int(fields[32]) >= least and found["key"] == exchanges
        if is_done or time.monotonic() > deadline:
            return {**found, "authenticated": fields[27], "answers": fields[32]}
        time.sleep(0.3)


def stock_chronyd(host: Sandbox) -> None:
    """Start Debian's chronyd with a configuration by hand."""
    conf = f"server {NAME} iburst minpoll 0 maxpoll 1 nts\nntstrustedcerts /etc/ca.pem\n"
    (host.root / "etc/chrony/chrony.conf").write_text(conf)
    login(host, "systemctl stop chrony 2>/dev/null || true")
    start_by_hand(host)


def test_a_stock_chrony_is_answered_and_its_cookies_outlive_a_restart_of_the_server(
    nts: NtsHost, client: Sandbox
) -> None:
    stock_chronyd(client)
    before = wait_for_answers(client, 4)
    assert (before["mode"], before["key"], before["nak"], before["authenticated"]) == ("NTS", "1", "0", "Yes")
    login(nts.host, RESTART)
    after = wait_for_answers(client, int(before["answers"]) + 4)
    # The server has kept the keys of its cookies (ntsdumpdir): no new key exchange was needed.
    assert (after["key"], after["nak"], after["authenticated"]) == ("1", "0", "Yes")
    assert nts.counted("NTS-KE connections accepted") == 0
    usage = nts.run("keys", "--usage").report["key_usage"]
    assert (usage["unknown"], usage["keys"]) == ("", []), "an answer with NTS was counted as one with a key"


def test_without_its_keys_the_server_refuses_cookies_and_clients_get_new_ones(nts: NtsHost, client: Sandbox) -> None:
    # Where ntsdumpdir cannot be written or read, as on a full disk.
    login(nts.host, f"systemctl stop chronyd; rm -f /var/lib/chrony/ntskeys; {RESTART}")
    after = wait_for_answers(client, 1, exchanges="2")
    assert (after["key"], after["nak"], after["authenticated"]) == ("2", "0", "Yes")
    assert nts.run("verify").held("server.nts") is True


def test_a_folder_for_the_keys_that_chronyd_cannot_write_is_repaired_by_its_start(nts: NtsHost) -> None:
    login(nts.host, f"chown root:root /var/lib/chrony; chmod 0700 /var/lib/chrony; {RESTART}")
    login(nts.host, "systemctl stop chronyd; test -s /var/lib/chrony/ntskeys; systemctl start chronyd")
    assert login(nts.host, "stat -c '%U %a' /var/lib/chrony /var/lib/chrony/ntskeys").split() == [
        "_chrony", "750", "_chrony", "600",
    ]  # fmt: skip


def test_the_chrony_of_debian_12_is_answered(nts: NtsHost, tmp_path: Path) -> None:
    chronyd = fetch(tmp_path).root / "usr/sbin/chronyd"
    (tmp_path / "hosts").write_text(f"{nts.host.address} {NAME}\n")
    words = [f"server {NAME} nts iburst maxsamples 1", f"ntstrustedcerts {nts.folder}/ca.pem", "port 0", "cmdport 0"]
    command = [str(chronyd), "-x", "-U", "-u", "root", "-Q", "-t", "20", *words, "bindcmdaddress /"]
    mount = 'mount --bind "$0" /etc/hosts && exec "$@"'
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, str(tmp_path / "hosts"), *command],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = ran.stdout + ran.stderr
    assert (ran.returncode, "version 4.3 " in said, "System clock wrong by" in said) == (0, True, True), said


def test_ntpd_rs_is_answered(nts: NtsHost, client: Sandbox) -> None:
    login(client, "pkill -x chronyd || true")
    (client.root / "etc/ntpd-rs/ntp.toml").write_text(
        f"""[observability]
observation-path = "/run/observe"
[[source]]
mode = "nts"
address = "{NAME}"
certificate-authority = "/etc/ca.pem"
"""
    )
    before = nts.counted("Authenticated NTP packets")
    # The host may not set its clock, without which ntpd-rs ends: the calls are answered in place of the kernel.
    calls = "clock_adjtime,adjtimex,clock_settime"
    traced = f"strace -f -qq -o /dev/null -e trace={calls} -e inject={calls}:retval=0 ntp-daemon"
    daemon = f"timeout -s KILL {PATIENCE:.0f} {traced}"
    ask = "sleep 0.5; ntp-ctl status 2>/dev/null | tee /tmp/status | grep -q '8/8 available' && break"
    loop = f"for i in $(seq 200); do {ask}; done"
    status = login(client, f"({daemon} >/tmp/log 2>&1 &) ; {loop}; pkill -x ntp-daemon; cat /tmp/status")
    assert f"{NAME}:4460/{nts.host.address}:123 [NTS]" in status, status
    assert "NTS cookies: 8/8 available" in status, status
    assert nts.counted("Authenticated NTP packets") > before


def test_a_renewed_certificate_is_taken_over(nts: NtsHost) -> None:
    renewed = nts.authority.issue(NAME, begin=NOW - timedelta(days=70), end=NOW + timedelta(days=20))
    nts.write(renewed)
    try:
        plan = nts.run("plan")
        ran = nts.run("deploy")
    finally:
        nts.write(nts.pair)
    (change,) = (one for one in plan.report["changes"] if one["id"] == "certificate")
    assert change["text"] == f"of {NAME}, until {NOW + timedelta(days=20):%Y-%m-%d}"
    ran.assert_proven()
    assert "days left, until " in ran.seen("nts.certificate-end")
    assert any(note.startswith(f"the certificate of NTS ({NAME}) ends in ") for note in ran.report["notes"])
