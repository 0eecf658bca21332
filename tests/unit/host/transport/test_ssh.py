"""Commands, files and host keys, with a server in this process; integration/ has the same with a real sshd."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from invoke.runners import Runner

from provision.common.errors import CommandFailed, HostUnreachable
from provision.host.transport import Limit
from provision.host.transport.output_mark import MARK
from tests.helpers.ssh_home import KEY, host, reached
from tests.helpers.ssh_server import ssh_server

if TYPE_CHECKING:
    from collections.abc import Callable


def test_commands_and_files(home: Path, tmp_path: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        seen: list[str] = []
        done = transport.execute("echo out; echo err >&2; exit 3", watch=seen.append)
        assert (done.status, done.stdout, done.stderr, seen) == (3, "out\n", "err\n", ["out"])
        running = transport.hold("echo here; read line; echo $line; cat; exit 4")
        assert running.read_line() == "here"
        running.send(b"there\n")
        assert running.read_line() == "there"
        ended = running.close()
        assert (ended.status, ended.stdout) == (4, "")
        for number, data in enumerate((b"", b"\x00\xff\r\n", os.urandom(300_000))):
            path = f"{tmp_path}/it's {number}"
            transport.upload(data, path)
            assert transport.download(path) == data
            assert Path(path).stat().st_mode & 0o777 == 0o600
            with pytest.raises(CommandFailed, match=r"^ntp1: cannot write "):
                transport.upload(b"y", path)
        with pytest.raises(CommandFailed, match=r"^ntp1: cannot write /nonexistent/x: "):
            transport.upload(b"x" * 300_000, "/nonexistent/x")
        with pytest.raises(CommandFailed, match=r"^ntp1: cannot read /nonexistent/x: "):
            transport.download("/nonexistent/x")
        assert (transport.name, transport.address, transport.is_direct) == ("ntp1", "127.0.0.1", True)
        assert set(server.users) == {"op"}


def test_a_running_line_is_waited_for_and_not_looked_at_again_and_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def counted(_: Runner) -> bool:
        nonlocal looks
        looks += 1
        return False

    monkeypatch.setattr(Runner, "has_dead_threads", property(counted))
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        assert transport.execute("sleep 0.3; echo done").stdout == "done\n"
    assert looks <= 3


def test_a_watch_that_fails_ends_a_line_that_goes_on(home: Path) -> None:
    def fail(_: str) -> None:
        raise OSError(28, "No space left on device")

    with (
        ssh_server([KEY]) as server,
        reached(home, host(home, server)) as transport,
        pytest.raises(HostUnreachable, match="No space left on device"),
    ):
        transport.execute("echo out; sleep 20", watch=fail, limit=Limit(seconds=10, most_bytes=1000))


@pytest.mark.parametrize("hashed", ["yes", "no"])
def test_a_host_key_is_learnt(hashed: str, home: Path) -> None:
    known = home / "known_hosts"
    with ssh_server([KEY]) as server:
        config = host(home, server, f"  IdentityFile ~/.ssh/key\n  HashKnownHosts {hashed}\n")
        known.write_text("")
        with pytest.raises(HostUnreachable, match="unknown host key"), reached(home, config):
            pass
        with reached(home, config, accept_new=True):
            pass
        begin = {"yes": "|1|", "no": f"[127.0.0.1]:{server.port} ecdsa-sha2-nistp256 "}[hashed]
        assert known.read_text().startswith(begin)
        with reached(home, config):
            pass


def test_a_size_that_is_not_true_is_refused(home: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        for printed, words in (
            ("echo 3; echo four", r"it is not as large as the host says \(3 bytes\)"),
            ("echo 30; echo four", r"it is not as large as the host says \(30 bytes\)"),
            ("echo 300000000", "it has 300000000 bytes, and the most is 268435456"),
            ("printf '9%.0s' $(seq 4000); echo", "it has 9{297}... bytes"),
            ("printf '\\033[2J\\n'", r"it has \\x1b\[2J bytes"),
        ):
            server.forced = f"echo {MARK}; {printed}"
            with pytest.raises(CommandFailed, match=f"^ntp1: cannot read /x: {words}"):
                transport.download("/x")


@pytest.mark.parametrize("kept", ["hold", "upload", "download"])
def test_a_connection_that_is_lost_is_named(kept: str, home: Path, tmp_path: Path) -> None:
    with ssh_server([KEY]) as server, reached(home, host(home, server)) as transport:
        server.cut_off = True
        lose: dict[str, Callable[[], object]] = {
            "hold": lambda: transport.hold("echo never").read_line(),
            "upload": lambda: transport.upload(b"x", f"{tmp_path}/x"),
            "download": lambda: transport.download("/etc/hostname"),
        }
        with pytest.raises(
            HostUnreachable, match=r"^ntp1: the connection was (lost|closed); run the same command again"
        ):
            lose[kept]()
