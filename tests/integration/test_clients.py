"""Other people's chrony as a client of ours: Debian's own package, configured by hand."""

from collections.abc import Iterator, Mapping

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login
from tests.helpers.host_state import install, start_by_hand
from tests.helpers.waiting import await_true
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def client() -> Iterator[Sandbox]:
    with booted("it-client") as host:
        install(host, "chrony")
        assert "version 4.3 " in login(host, "chronyd --version")
        yield host


def synchronise(client: Sandbox, server: Sandbox, key_line: str, count: str) -> Mapping[str, str]:
    """Configure the client by hand, let it run until one of its counters is at four, and return its ntpdata."""
    conf = f"server {server.address} iburst minpoll 0 maxpoll 1 key 1\nkeyfile /etc/chrony/chrony.keys\n"
    (client.root / "etc/chrony/chrony.conf").write_text(conf)
    (client.root / "etc/chrony/chrony.keys").write_text(f"{key_line}\n")
    start_by_hand(client)
    await_true(lambda: int(ntpdata(client, server)[count]) >= 4, f"{count} stays below four", every=0.2)
    return ntpdata(client, server)


def ntpdata(client: Sandbox, server: Sandbox) -> Mapping[str, str]:
    """Return what chronyc shows of a source, by its names."""
    lines = login(client, f"chronyc ntpdata {server.address}").splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition(" : ") for line in lines)}


def test_a_stock_chrony_with_the_key_synchronises_authenticated(client: Sandbox, deployed: Deployed) -> None:
    data = synchronise(client, deployed.host, deployed.operator.key_file.read_text().strip(), "Total good RX")
    assert data["Authenticated"] == "Yes"
    assert "Leap status     : Normal" in login(client, "chronyc waitsync 50 0 0 0.2 >/dev/null; chronyc tracking")
    assert f"^* {deployed.host.address}" in login(client, "chronyc -n sources")


def test_the_server_counts_authenticated_requests(client: Sandbox, deployed: Deployed) -> None:
    def authenticated() -> int:
        (line,) = login(deployed.host, "chronyc serverstats | grep '^Authenticated NTP packets'").splitlines()
        return int(line.split(":")[1])

    before = authenticated()
    synchronise(client, deployed.host, deployed.operator.key_file.read_text().strip(), "Total good RX")
    assert authenticated() >= before + 4


def test_with_a_wrong_key_it_gets_no_answer(client: Sandbox, deployed: Deployed) -> None:
    wrong = "1 AES128 HEX:000102030405060708090A0B0C0D0E0F"
    assert wrong != deployed.operator.key_file.read_text().strip()
    data = synchronise(client, deployed.host, wrong, "Total TX")
    assert data["Authenticated"] == "No"
    assert data["Total valid RX"] == "0"
    mode, reach = login(client, "chronyc -c -n sources").split(",")[1:6:4]
    assert (mode, reach) == ("?", "0")
    assert "Leap status     : Not synchronised" in login(client, "chronyc tracking")
