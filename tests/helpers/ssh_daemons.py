"""A booted host with many sshd, each with its own options; keys and agents of an operator."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login

FOLDER = "/root/sshd"


@dataclass(frozen=True, slots=True)
class SshDaemons:
    """The host, and the port of each sshd."""

    host: Sandbox
    ports: Mapping[str, int]

    def known(self) -> str:
        """Return the lines of known_hosts for all ports."""
        places = [self.host.address, *(f"[{self.host.address}]:{port}" for port in self.ports.values())]
        return "".join(f"{place} {self.host.host_key}\n" for place in places)


@contextmanager
def booted_daemons(name: str, options: Mapping[str, Sequence[str]], first_port: int) -> Iterator[SshDaemons]:
    """Boot a host with an sshd for each entry: its name, and the lines of its sshd_config."""
    ports = {one: first_port + number for number, one in enumerate(options)}
    with booted(name) as host:
        folder = host.root / FOLDER.lstrip("/")
        folder.mkdir()
        for one, port in ports.items():
            (folder / str(port)).write_text("\n".join((f"Port {port}", "UsePAM yes", *options[one])) + "\n")
            login(host, f"systemd-run --quiet --unit=sshd-{port} /usr/sbin/sshd -D -f {FOLDER}/{port}")
        for port in ports.values():
            login(host, f"for i in $(seq 100); do ss -tln | grep -q :{port} && exit; sleep 0.05; done; exit 1")
        yield SshDaemons(host, ports)


def generate(*words: str) -> None:
    """Run ssh-keygen."""
    subprocess.run(["ssh-keygen", "-q", *words], check=True, capture_output=True)


@contextmanager
def agent(socket: Path, *keys: Sequence[str | Path]) -> Iterator[None]:
    """Run an ssh-agent with these keys, each given as the words of ssh-add; a confirmation is always refused."""
    environment = {**os.environ, "SSH_AUTH_SOCK": str(socket), "SSH_ASKPASS": "/bin/false", "DISPLAY": ":0"}
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], env=environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if socket.exists():
                break
            time.sleep(0.05)
        for words in keys:
            subprocess.run(["ssh-add", "-q", *words], env=environment, check=True, capture_output=True)
        yield
    finally:
        process.terminate()
        process.wait()
