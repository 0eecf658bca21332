"""Commands that a signal ends on the host."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provision.common.errors import HostUnreachable
from provision.host.transport.output_mark import MARK
from tests.helpers.ssh_home import KEY, host, reached
from tests.helpers.ssh_server import ssh_server

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_command_that_is_killed_is_told_from_a_lost_connection(home: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        with pytest.raises(
            HostUnreachable, match=r"^ntp1: the command was killed by signal KILL \(is memory short\?\)"
        ):
            transport.execute("kill -9 $$")
        server.cut_off = True
        with pytest.raises(HostUnreachable, match=r"^ntp1: the connection was lost"):
            transport.execute("true")


KILLED = [
    pytest.param("kill -9 $$", "KILL", r"KILL \(is memory short\?\)", id="before its output"),
    pytest.param(f"echo {MARK}; kill -9 $$", "KILL", r"KILL \(is memory short\?\)", id="before its first line"),
    pytest.param(f"echo {MARK}; echo 5; printf x; kill -15 $$", "TERM", "TERM", id="in the middle"),
    pytest.param(
        f"echo {MARK}; kill -9 $$", "\x1b[2J" * 1000, r"(\\x1b\[2J){40,42}.*\.\.\.", id="by a signal of no name"
    ),
]


@pytest.mark.parametrize("name", ["execute", "upload", "download"])
@pytest.mark.parametrize(("forced", "signal", "words"), KILLED)
def test_a_command_that_is_killed_names_the_signal(
    name: str, forced: str, signal: str, words: str, home: Path, tmp_path: Path
) -> None:
    killed = pytest.raises(HostUnreachable, match=rf"^ntp1: the command was killed by signal {words}; run the same")
    with ssh_server([KEY], forced=forced, signal=signal) as server, reached(home, host(home, server)) as transport:
        act: dict[str, Callable[[], object]] = {
            "execute": lambda: transport.execute("true"),
            "upload": lambda: transport.upload(b"x", f"{tmp_path}/x"),
            "download": lambda: transport.download("/etc/passwd"),
        }
        with killed:
            act[name]()


def test_a_held_line_that_is_killed_names_the_signal(home: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        running = transport.hold("echo here; kill -15 $$")
        assert (running.read_line(), running.read_line()) == ("here", "")
        ended = running.close()
        assert (ended.status, ended.last_words) == (-1, "the command was killed by signal TERM")
        running = transport.hold("true")
        server.forced = "kill -9 $$"
        with pytest.raises(HostUnreachable, match=r"^ntp1: the command was killed by signal KILL"):
            transport.hold("true").read_line()
