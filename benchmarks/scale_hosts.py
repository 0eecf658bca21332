"""Many sshd that answer as hosts with nothing to do, for ``benchmarks.scale``.

One real host is booted and deployed to, and what it answers to another deployment is recorded. Then a thousand sshd run
on that host, each with an address and a host key of its own; the login shell of an account prints what was recorded.
Requests for time are answered by chronyd of that host, which is real and has the key; it listens on all addresses.
"""

import json
import re
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from benchmarks.booted_fleet import TIME_SOURCE, Fleet, fleet, say
from benchmarks.contenders import ROOT
from benchmarks.hosts import BenchError, Host, run
from benchmarks.recorded import RECORD
from provision.keys import Keys, make_key
from tests.helpers.operators import Operator

ADDRESSES = IPv4Network("198.18.128.0/17")
"""Of the range that RFC 2544 sets aside for tests; sandboxes have the other half of it."""
SERVERS = f'[groups.servers]\nbuild.on = "host"\n{TIME_SOURCE}\n'
"""The host compiles, as a worker of a cluster has it do; so it has a compiler."""
PORT = 2222
"""The host's own sshd has port 22 of all addresses."""
ACCOUNT = "replay"
FOLDER = Path("srv/replay")
"""On the host; replay.c and the lines below name it, too."""
OWN_MARK = re.compile("==([0-9a-f]{16})==")
"""What a line has its answer divided by; random (provision/host/scripts)."""
TIME, CONNECTION, MARK = "\1", "\2", "\3"
"""What stands in a recorded answer for what differs from run to run; see replay.c."""
START_SECONDS = 300
SSHD = f"""\
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
PidFile none
PrintMotd no
LogLevel ERROR
AuthorizedKeysFile /{FOLDER}/authorized_keys
"""
START = f"""\
set -eu
while read -r address; do
    /usr/sbin/sshd -D -f /{FOLDER}/sshd_config -h "/{FOLDER}/keys/$address" -o "ListenAddress=$address:{PORT}" &
done </{FOLDER}/addresses
wait
"""


@dataclass(frozen=True, slots=True)
class ManyHosts:
    """The addresses that answer, and the operator whom they let in."""

    addresses: Sequence[str]
    operator: Operator

    def site(self, number: int) -> str:
        """Write the site of the first so many hosts, and return the option that names it."""
        hosts = (
            f'h{one} = {{ group = "servers", host = "{ACCOUNT}@{address}:{PORT}" }}\n'
            for one, address in enumerate(self.addresses[:number])
        )
        return self.operator.site(f"{SERVERS}[hosts]\n{''.join(hosts)}")


@contextmanager
def many_hosts(number: int) -> Iterator[ManyHosts]:
    """Have so many sshd answer; they, their host and the route to them go afterwards."""
    addresses = [str(ADDRESSES.network_address + one) for one in range(1, number + 1)]
    with fleet(1, "scale") as made:
        (host,) = made.hosts
        _record(made, host)
        _prepare(host, made.operator, addresses)
        with _route(host):
            begun = time.perf_counter()
            host.ssh(f"systemd-run --quiet --unit={ACCOUNT} -p TasksMax=infinity sh /{FOLDER}/start.sh")
            for address in addresses:
                _await_sshd(address, begun + START_SECONDS)
            say(f"{number} sshd answer after {time.perf_counter() - begun:.0f} s")
            yield ManyHosts(addresses, made.operator)


def _record(made: Fleet, host: Host) -> None:
    """Deploy to the host, and write the answers of further deployments to a folder of the host.

    A worker of a cluster has no artifact, and asks something else than this machine does: both are recorded.
    """
    made.operator.use_keys(Keys((make_key(1, "AES128"),)))
    made.deploy(SERVERS)
    record, artifacts = made.operator.home / "record", made.operator.artifacts
    inv = (sys.executable, "-m", "benchmarks.recorded", "--search-root", ROOT, "deploy", "--site=site.toml")
    env = {**made.operator.environment, "PYTHONPATH": str(ROOT), RECORD: str(record)}
    run(*inv, cwd=made.operator.home, env=env)
    artifacts.rename(artifacts.with_name("aside"))
    run(*inv, cwd=made.operator.home, env=env)
    artifacts.with_name("aside").rename(artifacts)
    answers = host.sandbox.root / FOLDER / "answers"
    answers.mkdir(parents=True)
    for name, text in templates(json.loads(line) for line in record.read_text().splitlines()).items():
        (answers / str(name)).write_text(text)


def templates(recorded: Iterable[tuple[str, str]]) -> dict[int, str]:
    """Return the texts for replay.c of lines and their answers, by the length of the line."""
    lines: dict[int, str] = {}
    texts: dict[int, str] = {}
    for line, answer in recorded:
        length, known = len(line.encode()), OWN_MARK.sub("", line)
        if lines.setdefault(length, known) != known:
            raise BenchError(f"two lines have {length} bytes: replay.c cannot tell them apart")
        texts[length] = template(line, answer)
    return texts


def template(line: str, answer: str) -> str:
    """Return an answer for replay.c: with the place of the mark in its line, and signs for what differs."""
    place = 0
    if any(sign in answer for sign in (TIME, CONNECTION, MARK)):
        raise BenchError("an answer has one of the bytes 1, 2 and 3, which replay.c replaces")
    if (mark := OWN_MARK.search(line)) is not None:
        place = len(line[: mark.start(1)].encode())
        answer = answer.replace(mark[1], MARK)
    answer = re.sub(r"^clock=[0-9]+$", f"clock={TIME}", answer, flags=re.MULTILINE)
    answer = re.sub(r"^ssh_connection=.*$", f"ssh_connection={CONNECTION}", answer, flags=re.MULTILINE)
    shown = re.match("echo (.*?); ", line)
    return f"{place}\n{shown[1] if shown else ''}\n{answer}"


def _prepare(host: Host, operator: Operator, addresses: Sequence[str]) -> None:
    """Put onto the host what its many sshd need, and have the operator know their keys."""
    folder = host.sandbox.root / FOLDER
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    with operator.known_hosts.open("a") as known:
        for address in addresses:
            key = Ed25519PrivateKey.generate()
            file = keys / address
            file.touch(mode=0o600)
            file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
            public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
            known.write(f"[{address}]:{PORT} {public.decode()}\n")
    (folder / "addresses").write_text("".join(f"{address}\n" for address in addresses))
    (folder / "sshd_config").write_text(SSHD)
    (folder / "start.sh").write_text(START)
    (folder / "replay.c").write_text(Path(__file__).with_name("replay.c").read_text())
    host.ssh(
        f"cd /{FOLDER} && cc -O2 -Wall -o replay replay.c && cp /root/.ssh/authorized_keys . && "
        f"echo '{ACCOUNT}:x:0:0::/root:/{FOLDER}/replay' >>/etc/passwd && ip route add local {ADDRESSES} dev lo"
    )


@contextmanager
def _route(host: Host) -> Iterator[None]:
    """Have this machine reach the addresses at the host."""
    run("ip", "route", "add", str(ADDRESSES), "via", host.address, cwd=host.folder)
    try:
        yield
    finally:
        run("ip", "route", "delete", str(ADDRESSES), "via", host.address, cwd=host.folder)


def _await_sshd(address: str, deadline: float) -> None:
    """Wait until an sshd listens, and look at what it says first."""
    while time.perf_counter() < deadline:
        with suppress(OSError), socket.create_connection((address, PORT), timeout=10) as connection:
            if connection.recv(4) == b"SSH-":
                return
        time.sleep(0.05)
    raise BenchError(f"no sshd answers at {address} within {START_SECONDS} s")
