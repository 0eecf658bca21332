"""A certificate that is renewed, on the host by certbot or on the control machine: checked, and no request lost."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from provision.chrony.ports import NTS_KE_PORT
from provision.host.sandbox.sandbox import Sandbox
from provision.verify.ntp.key_exchange import Stage, exchange_keys
from tests.helpers.booted_hosts import assert_nowhere, booted, login
from tests.helpers.certbot import Certbot
from tests.helpers.certificates import NOW, YEAR, Authority, Issued
from tests.helpers.host_state import RESTART, give_builds, holders, journal, pid
from tests.helpers.load_meter import assert_none_lost, under_load
from tests.helpers.operators import Operator, Ran
from tests.helpers.packaged_chronyd import Package, fetch
from tests.helpers.waiting import await_true
from tests.helpers.working_services import units_left, work
from tests.integration.conftest import CHECKOUT, Deployed

pytestmark = pytest.mark.integration

NAME = "ntp1.renewed.test"
RATE = 100
"""Requests in a second with a key."""
LIVE = f"/etc/letsencrypt/live/{NAME}"
ON_HOST = f"""
[service]
sockets = true
[serve.nts]
certificate = "host:{LIVE}/fullchain.pem"
key = "host:{LIVE}/privkey.pem"
authority = "ca.pem"
names = ["{NAME}"]
"""
ON_CONTROL_MACHINE = f"""
[service]
sockets = true
[serve.nts]
certificate = "nts.crt"
key = "nts.key"
authority = "ca.pem"
names = ["{NAME}"]
"""
FILES = "find /etc/systemd/system /opt/chrony /run -name '*provision-nts*' -o -name nts-renewal -o -name 'chrony-nts*'"
"""Prints the files of the renewal on the host."""
DECIDED = f"""
now=$(cat {LIVE}/fullchain.pem {LIVE}/privkey.pem | sha256sum)
cd /run/credentials/chronyd.service
if [ "$(cat nts.crt nts.key | sha256sum)" = "$now" ] || grep -qsxF "$now" /run/chrony-nts-renewal/refused; then
    echo decided
fi
"""
"""Prints whether chronyd serves with the files of the host, or the host has refused them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A host whose certificate certbot renews, and the operator who deploys to it."""

    host: Sandbox
    operator: Operator
    authority: Authority
    certbot: Certbot
    first: Ran

    @property
    def folder(self) -> Path:
        """The folder of the site file."""
        return self.operator.home / "site"

    def run(self, task: str, *words: str, site: str = ON_HOST) -> Ran:
        """Run a task on the host."""
        (self.folder / "site.toml").write_text(site)
        return self.operator.run(task, f"--host=sandbox:{self.host.name}", f"--site={self.folder}/site.toml", *words)

    def issue(self, *names: str, end: datetime = NOW + YEAR) -> Issued:
        """Return another certificate; without names, for the names by which the clients know the server."""
        return self.authority.issue(*(names or (NAME, self.host.address)), end=end)

    def renew(self, pair: Issued) -> None:
        """Renew the certificate on the host, and wait until its service has decided."""
        self.certbot.renew(pair)
        await_true(lambda: login(self.host, DECIDED).strip() == "decided", "the renewal is not decided")
        await_true(lambda: self._service_state in {"inactive", "failed"}, "the renewal does not end")

    @property
    def _service_state(self) -> str:
        return login(self.host, "systemctl show -P ActiveState chrony-provision-nts.service").strip()

    @property
    def served(self) -> str:
        """The certificate that chronyd got at its start."""
        return login(self.host, "cat /run/credentials/chronyd.service/nts.crt").strip()


@pytest.fixture(scope="module")
def server(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    operator = Operator(tmp_path_factory.mktemp("renewal"))
    # The build of the host that all tests share.
    operator.share_artifacts(deployed.operator.artifacts.resolve())
    authority = Authority.make()
    folder = operator.home / "site"
    folder.mkdir()
    (folder / "ca.pem").write_text(authority.certificate)
    with booted(f"it-renewal-{CHECKOUT}") as host:
        give_builds(deployed.host, host)
        certbot = Certbot(host, NAME)
        certbot.renew(authority.issue(NAME, host.address))
        (folder / "site.toml").write_text(ON_HOST)
        first = operator.run("deploy", f"--host=sandbox:{host.name}", f"--site={folder}/site.toml")
        yield Server(host=host, operator=operator, authority=authority, certbot=certbot, first=first)


@dataclass(frozen=True, slots=True)
class NtsClient:
    """Debian 12's chronyd on this machine, which asks a server with NTS eight times in a second."""

    package: Package
    socket: Path

    def asked(self, command: str) -> list[str]:
        """Return the fields of what chronyc answers."""
        return self.package.chronyc("-h", str(self.socket), "-c", "-n", command).strip().split(",")

    @property
    def answers(self) -> int:
        """The number of answers with valid authentication."""
        fields = self.asked("ntpdata")
        assert fields[27] in {"Yes", "No"}
        return int(fields[32])

    @property
    def unanswered(self) -> int:
        """The number of requests without an answer, also a late one; the last one may be on its way."""
        fields = self.asked("ntpdata")
        return int(fields[30]) - int(fields[31])

    @property
    def key_exchanges(self) -> int:
        """The number of key exchanges."""
        return int(self.asked("authdata")[2])


@pytest.fixture(scope="module")
def client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NtsClient]:
    folder = tmp_path_factory.mktemp("client")
    package = fetch(folder)
    source = f"server {server.host.address} nts iburst minpoll -3 maxpoll -3"
    # One socket for all requests (acquisitionport): one for each sees no answer that comes late.
    words = (source, f"ntstrustedcerts {server.folder}/ca.pem", "port 0", "acquisitionport 0")
    with package.chronyd(folder / "run", *words) as socket:
        one = NtsClient(package, socket)
        await_true(lambda: one.answers > 4, "the client gets no answers")
        yield one


@dataclass(slots=True)
class KeyExchanges:
    """Key exchanges with a server, one after the other."""

    server: Server
    ended: list[Stage] = field(default_factory=list)
    """The stage at which each of them ended."""
    enough: threading.Event = field(default_factory=threading.Event)

    def make(self) -> None:
        """Make them until ``enough`` is set."""
        authority = self.server.authority.certificate
        while not self.enough.is_set():
            made = exchange_keys(self.server.host.address, NTS_KE_PORT, name=NAME, authority=authority)
            self.ended.append(made.right.stage)
            time.sleep(0.02)


@contextmanager
def nothing_lost(server: Server, client: NtsClient) -> Iterator[None]:
    """Send requests with a key and with NTS, and make key exchanges, meanwhile: all get through."""
    exchanges = KeyExchanges(server)
    thread = threading.Thread(target=exchanges.make, daemon=True)
    before, made, unanswered = client.answers, client.key_exchanges, client.unanswered
    key = next(iter(server.operator.keys))
    with under_load(server.host.address, key, RATE) as meter:
        thread.start()
        time.sleep(0.5)
        yield
        begun = client.answers
        await_true(lambda: client.answers > begun + 8, "the client gets no more answers")
        exchanges.enough.set()
        thread.join()
    assert_none_lost(meter)
    # The cookies of before are still good, and no request with one was lost.
    await_true(lambda: client.unanswered <= unanswered + 1, "requests with NTS were lost")
    assert client.answers > before
    assert (client.key_exchanges, client.asked("authdata")[7]) == (made, "0")
    # The port was never closed; an exchange that the restart ends is made again by clients.
    assert len(exchanges.ended) > 1
    assert {Stage.REFUSED, Stage.UNCONNECTED}.isdisjoint(exchanges.ended)


def test_a_certificate_of_the_host_is_proven_and_its_key_stays_there(server: Server) -> None:
    server.first.assert_proven()
    assert server.first.held("nts.certificate-current")
    lines = server.certbot.pair.lines
    assert_nowhere(lines[0], server.first.output, server.first.errors, str(server.first.reports), server.operator.home)
    assert_nowhere(lines[0], journal(server.host))
    assert holders(server.host, lines[0]) == [
        f"{server.certbot.files[-1]} 0600 root:root",
        "/run/credentials/chronyd.service/nts.key 0400 _chrony:root",
    ]
    again = server.run("deploy")
    again.assert_proven()
    assert again.changed == {}


def test_a_renewal_on_the_host_loses_no_request(server: Server, client: NtsClient) -> None:
    renewed, before = server.issue(), pid(server.host)
    with nothing_lost(server, client):
        server.renew(renewed)
        await_true(lambda: pid(server.host) not in {0, before}, "chronyd was not restarted")
    assert server.served == renewed.certificate.strip()
    assert server.run("verify").held("nts.certificate-current")


def broken(server: Server) -> dict[str, tuple[Issued, str]]:
    good, other = server.issue(), server.issue()
    return {
        "other key": (Issued(good.certificate, other.key), "The certificate and the given key do not match"),
        "no key": (Issued(good.certificate, ""), "the certificate or its key is missing"),
        "expired": (server.issue(end=NOW - timedelta(days=1)), "uses expired certificate"),
        "other name": (server.issue("ntp2.renewed.test"), "does not match the expected"),
        "other authority": (
            Authority.make("Another").issue(NAME, server.host.address),
            "The certificate issuer is unknown",
        ),
    }


def test_a_broken_renewal_is_named_and_the_old_certificate_is_served_on(server: Server, client: NtsClient) -> None:
    before, served = pid(server.host), server.served
    with nothing_lost(server, client):
        for name, (pair, words) in broken(server).items():
            server.renew(pair)
            found = server.run("status")
            assert (found.status, found.held("nts.certificate-current")) == (1, False), name
            assert words in found.seen("nts.certificate-current"), (name, found.seen("nts.certificate-current"))
    assert (pid(server.host), server.served) == (before, served)
    # A change of something else is refused, too, for its restart would take the broken files.
    refused = server.run("deploy", site=f"{ON_HOST}[time]\nmaxdistance = 2.5\n")
    assert refused.status != 0
    assert "none of its certificates is an authority of the chain" in refused.error
    server.renew(broken(server)["other key"][0])
    refused = server.run("deploy", site=f"{ON_HOST}[time]\nmaxdistance = 2.5\n")
    assert "failed its rehearsal; the previous daemon keeps running" in refused.error
    assert (pid(server.host), server.served) == (before, served)
    server.renew(server.issue())
    server.run("verify").assert_proven()


def test_without_its_files_it_serves_everything_but_nts(server: Server) -> None:
    login(server.host, f"mv {LIVE} {LIVE}.moved; {RESTART}")
    try:
        found = server.run("verify", "--sync-timeout=20")
    finally:
        login(server.host, f"mv {LIVE}.moved {LIVE}; systemctl restart chronyd")
    assert (found.status, found.held("nts.certificate-current")) == (1, False)
    assert found.seen("nts.certificate-current") == "the certificate or its key is missing"
    assert found.held("site.nts-renewal") is True
    assert found.held("server.plain-request", "127.0.0.1") is True
    server.run("verify").assert_proven()


def test_a_renewal_on_the_control_machine_loses_no_request(server: Server, client: NtsClient) -> None:
    server.issue().write(server.folder)
    moved = server.run("deploy", site=ON_CONTROL_MACHINE)
    moved.assert_proven()
    assert "nts-renewal" in moved.changed
    assert login(server.host, FILES) == ""
    renewed = server.issue()
    renewed.write(server.folder)
    with nothing_lost(server, client):
        server.run("deploy", site=ON_CONTROL_MACHINE).assert_proven()
    assert server.served == renewed.certificate.strip()


def test_a_certificate_for_an_address_alone_is_renewed_too(server: Server) -> None:
    server.certbot.renew(server.issue(server.host.address))
    by_address = ON_HOST.replace(f'["{NAME}"]', f'["{server.host.address}"]')
    server.run("deploy", site=by_address).assert_proven()
    renewed = server.issue(server.host.address)
    server.renew(renewed)
    assert server.served == renewed.certificate.strip()


def test_uninstall_ends_a_renewal_removes_the_units_and_leaves_the_certificate(server: Server) -> None:
    assert login(server.host, FILES) != ""
    work(server.host, "chrony-provision-nts.service")
    assert server.run("uninstall").status == 0
    assert units_left(server.host, "chrony-provision-*") == ""
    assert login(server.host, FILES) == ""
    assert login(server.host, f"cat {LIVE}/fullchain.pem").strip() == server.certbot.pair.certificate.strip()
