"""A way to a host's sshd that can be cut."""

import socket
import struct
import threading
import time
from contextlib import suppress

from provision.host.sandbox.sandbox import Sandbox


class Cable:
    """Takes connections on a port of this machine and hands their bytes on to a host's sshd, until it is cut.

    The first ones may be turned away, as sshd does where too many are at its door. The host's bytes after its SSH
    version may be held back for a time in seconds, as those of a small or busy host are.
    """

    def __init__(self, host: Sandbox, *, turns_away: int = 0, hold_back: float = 0) -> None:
        self._host = host
        self._turns_away = turns_away
        self._hold_back = hold_back
        self.turned_away = 0
        self._ends: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        """The port of this machine."""
        return int(self._door.getsockname()[1])

    @property
    def target(self) -> str:
        """How the command line names the host at the end of the cable."""
        return f"--host=root@127.0.0.1:{self.port}"

    @property
    def known_host(self) -> str:
        """The line of known_hosts for it."""
        return f"[127.0.0.1]:{self.port} {self._host.host_key}\n"

    def cut(self) -> None:
        """End every connection at once, without a farewell, and take no more."""
        for end in (self._door, *self._ends):
            with suppress(OSError):
                # A linger time of zero: close(2) sends a reset.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                if self.turned_away < self._turns_away:
                    self.turned_away += 1
                    near.close()
                    continue
                far = socket.create_connection((self._host.address, 22))
                self._ends += [near, far]
                for one, other, seconds in ((near, far, 0), (far, near, self._hold_back)):
                    threading.Thread(target=_pump, args=(one, other, seconds), daemon=True).start()


def _pump(one: socket.socket, other: socket.socket, hold_back: float) -> None:
    with suppress(OSError):
        if hold_back:
            other.sendall(_line(one))
            time.sleep(hold_back)
        while data := one.recv(2**16):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def _line(end: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += end.recv(1)
    return line
