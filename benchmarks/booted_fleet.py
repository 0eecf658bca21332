"""Booted hosts of a fleet, an operator whom all of them let in, and a delay before them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import delayed
from benchmarks.contenders import ROOT
from benchmarks.hosts import BenchError, Host, Spent, fresh_host, measured
from tests.helpers.operators import Operator

PREFIX = "bench"
TIME_SOURCE = 'time.servers = [{ address = "198.19.0.2", minpoll = 0, maxpoll = 4 }]'
CLIENTS = f'[groups.clients]\nserve.role = "client"\n{TIME_SOURCE}\n'
"""Hosts that nothing orders."""
SERVERS = 2


@dataclass(frozen=True, slots=True)
class Fleet:
    """Booted hosts, and an operator whom all of them let in."""

    hosts: tuple[Host, ...]
    operator: Operator

    def deploy(self, groups: str = CLIENTS, *options: str, reach: Callable[[int, Host], str] | None = None) -> Spent:
        """Deploy to all of them."""
        reach = reach or (lambda _, host: host.address)
        followed = SERVERS if "groups.servers" in groups else 0
        entries = (
            f'h{number} = {{ group = "{"servers" if number < followed else "clients"}",'
            f' host = "root@{reach(number, host)}" }}\n'
            for number, host in enumerate(self.hosts)
        )
        site = self.operator.site(f"{groups}[hosts]\n{''.join(entries)}")
        inv = Path(sys.executable).with_name("inv")
        env = {**self.operator.environment, "PYTHONPATH": str(ROOT)}
        return measured(inv, "--search-root", ROOT, "deploy", site, *options, cwd=self.operator.home, env=env)

    def known(self, name: Callable[[int, Host], str]) -> None:
        """Have SSH know the hosts by these names, too."""
        with self.operator.known_hosts.open("a") as file:
            file.writelines(f"{name(number, host)} {host.sandbox.host_key}\n" for number, host in enumerate(self.hosts))


@contextmanager
def fleet(number: int, name: str = "fleet") -> Iterator[Fleet]:
    """Boot so many fresh hosts; they and the operator's home go afterwards."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="chrony-bench-"))
        hosts = tuple(stack.enter_context(fresh_host(f"{PREFIX}-{name}-{one}")) for one in range(number))
        operator = Operator(Path(folder))
        operator.meet(hosts[0].sandbox)
        operator.known_hosts.write_text("")
        made = Fleet(hosts, operator)
        made.known(lambda _, host: host.address)
        let_in(hosts)
        say(f"{number} hosts are up; load {load()}")
        yield made


def let_in(hosts: Sequence[Host]) -> None:
    """Have all hosts accept the key of the first."""
    first, *others = hosts
    for host in others:
        host.ssh("cat >>.ssh/authorized_keys", stdin=first.sandbox.key.with_suffix(".pub").read_text())


def late_address(number: int, _: Host) -> str:
    """Return where a host is reached behind the delay."""
    return f"{delayed.near(number)}:{delayed.PORT}"


@contextmanager
def slow(made: Fleet) -> Iterator[None]:
    """Put the delay between this machine and the hosts."""
    made.known(lambda number, _: f"[{delayed.near(number)}]:{delayed.PORT}")
    words = (sys.executable, "-m", "benchmarks.delayed", *(host.address for host in made.hosts))
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None  # noqa: S101 -- it was asked for
        if process.stdout.readline() != b"ready\n":
            raise BenchError("the delay did not start")
        yield
    finally:
        process.kill()
        process.wait()


def load() -> str:
    """Return the load of this machine."""
    return f"{os.getloadavg()[0]:.1f}"


def say(text: str) -> None:
    """Tell how far the measurement is."""
    print(text, file=sys.stderr, flush=True)
