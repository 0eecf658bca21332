"""Sessions of one connection, of which a server may permit few."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provision.common.errors import CommandFailed, HostUnreachable
from tests.helpers.ssh_home import KEY, host, reached
from tests.helpers.ssh_server import ssh_server

if TYPE_CHECKING:
    from collections.abc import Callable


def test_one_session_is_not_enough(home: Path) -> None:
    with ssh_server([KEY], sessions=1) as server, reached(home, host(home, server)) as transport:
        running = transport.hold("echo here; cat")
        assert running.read_line() == "here"
        with pytest.raises(HostUnreachable, match=r"^ntp1: its sshd opens no further session; this tool needs two"):
            transport.execute("true")


def test_each_session_is_closed_before_the_next_one_is_opened(home: Path, tmp_path: Path) -> None:
    with ssh_server([KEY], sessions=1) as server, reached(home, host(home, server)) as transport:
        for number in range(2):
            transport.upload(b"data", f"{tmp_path}/{number}")
            with pytest.raises(CommandFailed, match="cannot write"):
                transport.upload(b"data", f"{tmp_path}/{number}")
            assert transport.download(f"{tmp_path}/{number}") == b"data"
            with pytest.raises(CommandFailed, match="cannot read"):
                transport.download(f"{tmp_path}/nothing")
            running = transport.hold("cat")
            assert running.close().status == 0
            assert transport.execute("echo out").stdout == "out\n"


@pytest.mark.parametrize("name", ["execute", "hold", "upload", "download"])
def test_a_session_that_sshd_has_not_closed_yet_costs_a_second_try(name: str, home: Path, tmp_path: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        server.refused_sessions = 1
        act: dict[str, Callable[[], object]] = {
            "execute": lambda: transport.execute("true"),
            "hold": lambda: transport.hold("true").close(),
            "upload": lambda: transport.upload(b"x", f"{tmp_path}/x"),
            "download": lambda: transport.download("/etc/passwd"),
        }
        act[name]()
        assert server.refused_sessions == 0
