"""Count the requests that a server loses while its daemon is replaced: ``python -m benchmarks.lost_requests``.

Each event is tried with a release to which systemd hands its sockets, and with the newest of Debian 12, which opens its
own. Needs root on Debian, as sandboxes do. The operator's home keeps the compiled artifacts for the next run.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from benchmarks.hosts import BenchError
from provision.host.sandbox.sandbox import Sandbox
from provision.keys import Key, Keys
from tests.helpers.booted_hosts import booted, login
from tests.helpers.host_state import current, pid
from tests.helpers.load_meter import UNSYNCHRONISED, LoadMeter, under_load
from tests.helpers.operators import Operator
from tests.helpers.waiting import await_true

NAME = "bench-lost"
WITHOUT_SOCKETS = "4.3"
"""The release of Debian 12, to which systemd cannot hand its sockets."""
RELEASES = ("4.9", WITHOUT_SOCKETS)
EARLIER = {"4.9": "4.6.1"}
"""By release: the earlier one from which the host is upgraded to it."""
CONFIRM_TIMEOUT = 15
"""Seconds until the timer of the host goes back."""
KILLED_SECONDS = 8
"""Seconds for which the server is watched after its daemon was killed, in which the next one gets synchronised."""
KEY = Key(1, "AES128", bytes(16))
"""The key of all requests."""
OTHER_KEY = Key(2, "AES128", bytes(range(16)))
HEAD = "| event | chrony | requests | lost | unsynchronised | wrong | longest wait |\n|---|---|---|---|---|---|---|"


@dataclass(slots=True)
class Server:
    """A host that serves time with a release, its operator, and the events in which its daemon is replaced."""

    host: Sandbox
    operator: Operator
    release: str
    rate: int
    """Requests in a second."""
    generations: int = 0
    """How many generations were made: each has a configuration of its own."""

    def deploy(self, release: str = "") -> None:
        """Deploy another generation, of the release of the server or of another one. Raises BenchError."""
        self._run("deploy", *self._another_generation(release))

    def change_keys(self) -> None:
        """Deploy with a second key. Raises BenchError."""
        self.operator.use_keys(Keys((KEY, OTHER_KEY)))
        self.deploy()

    def roll_back(self) -> None:
        """Roll back to the previous generation. Raises BenchError."""
        self._run("rollback")

    def return_by_timer(self) -> None:
        """Switch to another generation without confirming it, and wait until the host has rolled it back."""
        old = current(self.host)
        words = (*self._another_generation(), f"--confirm-timeout={CONFIRM_TIMEOUT}")
        process = self.operator.start("deploy", self._host, *words)
        await_true(lambda: current(self.host) != old, "it does not switch")
        process.kill()
        await_true(lambda: current(self.host) == old, "it does not go back")
        await_true(lambda: pid(self.host) > 0, "nothing runs")
        self.operator.end(process)

    def restart(self) -> None:
        """Restart the daemon."""
        login(self.host, "systemctl restart chronyd")

    def kill(self) -> None:
        """Kill the daemon, which systemd starts again, and which has saved measurements where it has sockets."""
        save = "systemctl start chronyd-measurements.service; ls /run/chrony/saved 2>/dev/null; true"
        if self.release != WITHOUT_SOCKETS:
            await_true(lambda: ".dat" in login(self.host, save), "it saves no measurements")
        login(self.host, f"kill -9 {pid(self.host)}")
        time.sleep(KILLED_SECONDS)

    @contextmanager
    def under_load(self) -> Iterator[LoadMeter]:
        """Send requests to the host within the ``with`` block, and for a second before and after its statements."""
        with under_load(self.host.address, KEY, self.rate) as meter:
            time.sleep(1)
            yield meter
            time.sleep(1)

    @property
    def _host(self) -> str:
        return f"--host=sandbox:{self.host.name}"

    def _another_generation(self, release: str = "") -> tuple[str, str]:
        """Return the options for a site that is another generation."""
        self.generations += 1
        site = f"[time]\nmaxdistance = 2.{self.generations:03}\n"
        return f"--chrony={release or self.release}", self.operator.site(site)

    def _run(self, task: str, *words: str) -> None:
        ran = self.operator.run(task, self._host, *words)
        if ran.status != 0:
            raise BenchError(f"{self.host.name}: {ran.output[-2000:]}{ran.errors}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.lost_requests", description=__doc__)
    parser.add_argument("--rate", type=int, default=500, help="requests in a second (default: %(default)s)")
    parser.add_argument("--releases", nargs="+", default=RELEASES, metavar="RELEASE", help="of chrony")
    parser.add_argument("--home", type=Path, default=user_cache_path("chrony-provision") / NAME)
    options = parser.parse_args(arguments)
    options.home.mkdir(parents=True, exist_ok=True)
    try:
        print(HEAD)
        for release in options.releases:
            for line in measure(options.home, release, options.rate):
                print(line, flush=True)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def measure(home: Path, release: str, rate: int) -> Iterator[str]:
    """Yield the rows of a release. Raises BenchError."""
    with booted(NAME) as host:
        server = Server(host, Operator(home), release, rate)
        server.operator.use_keys(Keys((KEY,)))
        # All builds are there before a request is sent.
        server.deploy()
        if release in EARLIER:
            server.deploy(EARLIER[release])
        for name, event in events(server).items():
            with server.under_load() as meter:
                event()
            yield row(name, release, meter)


def events(server: Server) -> Mapping[str, Callable[[], None]]:
    """Return the events that a server goes through, in order, by their names in the table."""
    found: dict[str, Callable[[], None]] = {}
    if server.release in EARLIER:
        found[f"upgrade from {EARLIER[server.release]}"] = server.deploy
    return {
        **found,
        "change of keys": server.change_keys,
        "rollback": server.roll_back,
        "return by the timer": server.return_by_timer,
        "`systemctl restart`": server.restart,
        "`kill -9`": server.kill,
    }


def row(name: str, release: str, meter: LoadMeter) -> str:
    """Return the row of an event."""
    answers = meter.answers()
    unsynchronised = sum(answer.leap == UNSYNCHRONISED for answer in answers)
    wrong = sum(answer.is_wrong for answer in answers)
    longest = max(answer.wait for answer in answers)
    counts = (len(meter.sent), len(meter.lost), unsynchronised, wrong)
    return f"| {name} | {release} | {' | '.join(f'{count:,}' for count in counts)} | {longest:.2f} s |"


if __name__ == "__main__":
    sys.exit(main())
