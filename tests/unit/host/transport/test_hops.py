"""Jump hosts and proxy commands."""

import socket
import sys
from pathlib import Path
from shlex import quote

import pytest

from provision.common.errors import HostUnreachable
from provision.host.transport.hops import Hop
from tests.helpers.ssh_home import KEY, OTHER, connect, host, reached
from tests.helpers.ssh_server import ssh_server


def test_after_ctrl_c_the_connection_to_the_jump_host_is_closed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Hop] = []
    really = Hop.open

    def interrupted(hop: Hop) -> None:
        if opened:
            raise KeyboardInterrupt
        really(hop)
        opened.append(hop)

    monkeypatch.setattr(Hop, "open", interrupted)
    with ssh_server([OTHER]) as jump, ssh_server([KEY]) as server:
        config = host(home, server, "  IdentityFile ~/.ssh/key\n  ProxyJump hop\n")
        config += host(home, jump, "  IdentityFile ~/.ssh/other\n").replace("ntp1", "hop")
        with pytest.raises(KeyboardInterrupt):
            connect(home, config)
        assert not opened[0].connection.is_connected


def test_a_jump_host(home: Path) -> None:
    with ssh_server([OTHER]) as hop, ssh_server([KEY]) as server:
        config = host(home, server, "  IdentityFile ~/.ssh/key\n  ProxyJump hop\n")
        config += host(home, hop, "  IdentityFile ~/.ssh/other\n").replace("ntp1", "hop")
        with reached(home, config) as transport:
            assert transport.execute("echo in").stdout == "in\n"
            assert (transport.address, transport.is_direct) == ("127.0.0.1", False)
            sock = transport._hops[0].connection.transport.sock
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 40_000
        assert (len(hop.tried), len(server.tried)) == (1, 1)
        hop.accepted = []
        with pytest.raises(HostUnreachable, match=r"^ntp1: jump host hop: 'op' was refused with every SSH key"):
            connect(home, config)


@pytest.mark.parametrize(
    ("forwards", "words"),
    [(False, r"its sshd forbids it \(AllowTcpForwarding, PermitOpen\)"), (True, "it cannot resolve the name, or gets")],
)
def test_a_jump_host_that_opens_no_connection(forwards: bool, words: str, home: Path) -> None:  # noqa: FBT001 -- a case
    with ssh_server([KEY], forwards=forwards) as hop:
        config = "Host ntp1\n  HostName 127.0.0.1\n  Port 1\n  ProxyJump hop\n"
        config += host(home, hop).replace("ntp1", "hop")
        with pytest.raises(
            HostUnreachable, match=rf"^ntp1: jump host hop opens no connection to 127\.0\.0\.1 port 1: {words}"
        ):
            connect(home, config)


def test_a_proxy_command_is_a_line_of_shell(home: Path, tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(
        "import os, socket, sys, threading\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n"
        "    while data := os.read(0, 9999):\n"
        "        s.sendall(data)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := s.recv(9999):\n"
        "    os.write(1, data)\n"
    )
    with ssh_server([KEY]) as server:
        command = f"/bin/cat | {sys.executable} {quote(str(relay))} %h %p 2>/dev/null | /bin/cat"
        with reached(home, host(home, server, f"  IdentityFile ~/.ssh/key\n  ProxyCommand {command}\n")) as transport:
            assert transport.execute("echo in").stdout == "in\n"
            assert (transport.address, transport.is_direct) == ("127.0.0.1", False)
