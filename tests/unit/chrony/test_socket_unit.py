"""The sockets that systemd opens for chronyd: which, for which chrony.conf."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provision.chrony.socket_unit import socket_unit
from provision.chrony.unit_values import service
from provision.deploy.render import render
from tests.helpers.samples import CASES

COMMANDS = ("127.0.0.1:323", "[::1]:323")
BOTH = "allow 10.0.0.0/8\nallow fd00::/8\n"
LISTENS = [
    pytest.param(BOTH, ("0.0.0.0:123", "[::]:123"), COMMANDS, id="both families"),
    pytest.param("allow 10.0.0.0/8\n", ("0.0.0.0:123",), COMMANDS, id="IPv4 only"),
    pytest.param("allow fd00::/8\n", ("[::]:123",), COMMANDS, id="IPv6 only"),
    pytest.param("allow\n", ("0.0.0.0:123", "[::]:123"), COMMANDS, id="everybody"),
    pytest.param(f"{BOTH}deny all\n", None, (), id="nobody"),
    pytest.param(f"{BOTH}bindaddress 192.0.2.1\n", ("192.0.2.1:123", "[::]:123"), COMMANDS, id="an address"),
    pytest.param(
        f"{BOTH}bindaddress 192.0.2.1\nBindAddress 192.0.2.2\n", ("192.0.2.2:123", "[::]:123"), COMMANDS, id="two"
    ),
    pytest.param(f"{BOTH}bindaddress ntp1\n", None, (), id="a name, which chronyd resolves"),
    pytest.param(f"{BOTH}bindaddress ::ffff:192.0.2.1\n", None, (), id="an IPv4 address in the form of IPv6"),
    pytest.param(f"{BOTH}port 11123\n", ("0.0.0.0:11123", "[::]:11123"), COMMANDS, id="another port"),
    pytest.param("port 0\n", None, (), id="no port"),
    pytest.param(f"{BOTH}cmdport 0\n", ("0.0.0.0:123", "[::]:123"), (), id="no command port"),
    pytest.param(f"{BOTH}cmdport 3230\n", ("0.0.0.0:123", "[::]:123"), (), id="a command port for everybody"),
    pytest.param(
        f"{BOTH}bindcmdaddress /run/chrony/chronyd.sock\nbindcmdaddress 0.0.0.0\n",
        ("0.0.0.0:123", "[::]:123"),
        ("0.0.0.0:323", "[::1]:323"),
        id="commands from others",
    ),
    pytest.param(
        "allow 10.0.0.0/8\nacquisitionport 123\n", ("0.0.0.0:123", "[::]:123"), COMMANDS, id="requests from port 123"
    ),
    pytest.param("allow 10.0.0.0/8\npeer ntp2\n", ("0.0.0.0:123", "[::]:123"), COMMANDS, id="a peer"),
]


@pytest.mark.parametrize(("conf", "ntp", "command"), LISTENS)
def test_it_has_the_sockets_that_chronyd_would_open(
    conf: str, ntp: tuple[str, ...] | None, command: tuple[str, ...]
) -> None:
    found = socket_unit(chrony="4.9", conf=conf)
    if found is None:
        assert ntp is None
        return
    assert (found.ntp, found.command) == (ntp, command)
    # With the lines that chrony.conf lacks, it has the same sockets and lacks none.
    again = socket_unit(chrony="4.9", conf="\n".join((conf, *found.bind_lines)))
    assert again is not None
    assert (again.ntp, again.bind_lines) == (found.ntp, ())


def test_a_kernel_without_ipv6_has_sockets_of_ipv4_alone() -> None:
    found = socket_unit(chrony="4.9", conf=BOTH, has_ipv6=False)
    assert found is not None
    assert (found.ntp, found.command) == (("0.0.0.0:123",), ("127.0.0.1:323",))
    assert found.bind_lines == ("bindaddress 0.0.0.0",)
    assert socket_unit(chrony="4.9", conf="allow fd00::/8\n", has_ipv6=False) is None


KEY_EXCHANGE = [
    pytest.param("", (), id="no NTS"),
    pytest.param("ntsservercert c\n", ("0.0.0.0:4460", "[::]:4460"), id="the usual port"),
    pytest.param("ntsservercert c\nntsport 4461\n", ("0.0.0.0:4461", "[::]:4461"), id="another port"),
    pytest.param("ntsservercert c\nbindaddress 10.0.0.1\n", ("10.0.0.1:4460", "[::]:4460"), id="an address"),
]


@pytest.mark.parametrize(("lines", "listens"), KEY_EXCHANGE)
def test_a_server_with_nts_has_the_port_of_its_key_exchange(lines: str, listens: tuple[str, ...]) -> None:
    found = socket_unit(chrony="4.9", conf=BOTH + lines)
    assert found is not None
    assert found.key_exchange == listens
    assert [line for line in text(BOTH + lines).splitlines() if line.startswith("ListenStream=")] == [
        f"ListenStream={endpoint}" for endpoint in listens
    ]


@pytest.mark.parametrize(("version", "has"), [("4.0", False), ("4.4", False), ("4.5", True), ("4.6.1", True)])
def test_releases_before_45_take_over_no_sockets(version: str, has: bool) -> None:  # noqa: FBT001 -- a parameter of a case
    assert (socket_unit(chrony=version, conf=BOTH) is not None) is has


def test_another_device_is_another_unit_for_an_open_socket_stays_bound() -> None:
    texts = {text(f"{BOTH}binddevice {device}\n") for device in ("eth0", "eth1")}
    assert len({*texts, text(BOTH)}) == 3
    assert all("binddevice eth" in one for one in texts)


def text(conf: str) -> str:
    found = socket_unit(chrony="4.9", conf=conf)
    assert found is not None
    return render("chronyd.socket", sockets=found)


def test_the_unit_is_this_file() -> None:
    assert text(BOTH) == (CASES / "unit" / "server-4.9.socket").read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    (tmp_path / "chronyd.service").write_text("[Service]\nExecStart=/bin/true\n")
    file = tmp_path / "chronyd.socket"
    file.write_text(text(f"{BOTH}binddevice eth0\n"))
    words = ["systemd-analyze", "verify", "--man=no", str(file)]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert [line for line in done.stderr.splitlines() if file.name in line] == []


RIGHTS = [
    pytest.param("", "CAP_SYS_TIME", id="none"),
    pytest.param("cmdport 324\n", "CAP_SYS_TIME", id="command port"),
    pytest.param("cmdallow 10.0.0.0/8\n", "CAP_SYS_TIME", id="commands from others"),
    pytest.param("acquisitionport 123\n", "CAP_SYS_TIME", id="requests from the same port"),
    pytest.param("acquisitionport 124\n", "CAP_SYS_TIME CAP_NET_BIND_SERVICE", id="requests from another port"),
    pytest.param("acquisitionport 323\n", "CAP_SYS_TIME CAP_NET_BIND_SERVICE", id="requests from the command port"),
    pytest.param("ntsport 123\n", "CAP_SYS_TIME CAP_NET_BIND_SERVICE", id="NTS at the same number, of TCP"),
    pytest.param("ntsport 4460\n", "CAP_SYS_TIME", id="NTS"),
    pytest.param("ptpport 319\n", "CAP_SYS_TIME CAP_NET_BIND_SERVICE", id="PTP"),
    pytest.param("binddevice eth0\n", "CAP_SYS_TIME CAP_NET_RAW", id="a device"),
]


@pytest.mark.parametrize(("extra", "capabilities"), RIGHTS)
def test_chronyd_may_open_only_ports_that_systemd_does_not(extra: str, capabilities: str) -> None:
    conf = BOTH + extra
    values: dict[str, Any] = {"seccomp": 2, "can_set_clock": True, "serves": True, "user": "_chrony", "systemd": 252}
    how = service(chrony="4.9", conf=conf, sockets=socket_unit(chrony="4.9", conf=conf), **values)
    assert " ".join(how.capabilities) == capabilities
