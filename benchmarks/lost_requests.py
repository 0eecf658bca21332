"""Count the requests that a server loses while its daemon is replaced: ``python -m benchmarks.lost_requests``.

Each event is tried with a release to which systemd hands its sockets, and with the newest of Debian 12, which opens its
own. Needs root on Debian, as sandboxes do. The operator's home keeps what was compiled for the next time.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from benchmarks.hosts import BenchError
from provision.keys import Key, Keys
from tests.helpers.booted_hosts import booted, login
from tests.helpers.host_state import current, pid
from tests.helpers.load_meter import UNSYNCHRONISED, LoadMeter, loaded
from tests.helpers.operators import Operator
from tests.helpers.samples import write_keys
from tests.helpers.waiting import await_true

NAME = "bench-lost"
RELEASES = ("4.9", "4.3")
"""With sockets of systemd, and without."""
EARLIER = {"4.9": "4.6.1"}
"""The release from which another is upgraded."""
CONFIRM_TIMEOUT = 15
OTHER_KEY = Key(2, "AES128", bytes(range(16)))
HEAD = "| event | chrony | requests | lost | unsynchronised | wrong | longest wait |\n|---|---|---|---|---|---|---|"


@dataclass(slots=True)
class Server:
    """The host, its operator, and the release that is to run."""

    operator: Operator
    address: str
    name: str
    release: str = ""
    number: int = 0

    def deploy(self, release: str = "", *words: str) -> None:
        """Deploy another generation of a release. Raises BenchError."""
        self.number += 1
        ran = self.operator.run("deploy", *self.words(release), *words)
        if ran.status != 0:
            raise BenchError(f"{self.name}: {ran.output[-2000:]}{ran.errors}")

    def words(self, release: str = "") -> tuple[str, ...]:
        """Return the options for the site of this number."""
        site = self.operator.site(f"[service]\nsockets = true\n[time]\nmaxdistance = 2.{self.number:03}\n")
        return f"--host=sandbox:{self.name}", f"--chrony={release or self.release}", site

    def rollback(self) -> None:
        """Roll back. Raises BenchError."""
        ran = self.operator.run("rollback", f"--host=sandbox:{self.name}")
        if ran.status != 0:
            raise BenchError(f"{self.name}: {ran.output[-2000:]}{ran.errors}")


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
            for row in measure(options.home, release, options.rate):
                print(row, flush=True)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def measure(home: Path, release: str, rate: int) -> Iterator[str]:
    """Yield the rows of a release."""
    with booted(NAME) as host:
        server = Server(Operator(home), host.address, host.name, release)
        key = _reset_keys(server.operator)

        @contextmanager
        def asked() -> Iterator[LoadMeter]:
            with loaded(host.address, key, rate) as meter:
                time.sleep(1)
                yield meter
                time.sleep(1)

        def change_keys() -> None:
            write_anew(server.operator, Keys((key, OTHER_KEY)))
            server.deploy()

        def timer() -> None:
            old = current(host)
            server.number += 1
            words = (*server.words(), f"--confirm-timeout={CONFIRM_TIMEOUT}")
            process = server.operator.start("deploy", *words)
            await_true(lambda: current(host) != old, "it does not switch")
            process.kill()
            await_true(lambda: current(host) == old, "it does not go back")
            await_true(lambda: pid(host) > 0, "nothing runs")
            server.operator.end(process)

        def restart() -> None:
            login(host, "systemctl restart chronyd")

        def kill() -> None:
            login(host, f"kill -9 {pid(host)}")
            time.sleep(8)

        events: dict[str, Callable[[], None]] = {
            "change of keys": change_keys,
            "rollback": server.rollback,
            "return by the timer": timer,
            "`systemctl restart`": restart,
            "`kill -9`": kill,
        }
        # All builds are there before a request is sent.
        server.deploy()
        if release in EARLIER:
            server.deploy(EARLIER[release])
            events = {f"upgrade from {EARLIER[release]}": server.deploy, **events}
        for name, event in events.items():
            with asked() as meter:
                event()
            yield row(name, release, meter)


def row(name: str, release: str, meter: LoadMeter) -> str:
    """Return the row of an event."""
    answers = meter.answers()
    unsynchronised = sum(answer.leap == UNSYNCHRONISED for answer in answers)
    wrong = sum(answer.is_wrong for answer in answers)
    longest = max(answer.wait for answer in answers)
    counts = (len(meter.sent), len(meter.lost), unsynchronised, wrong)
    return f"| {name} | {release} | {' | '.join(f'{count:,}' for count in counts)} | {longest:.2f} s |"


def write_anew(operator: Operator, keys: Keys) -> None:
    """Give an operator these keys alone."""
    operator.key_file.unlink(missing_ok=True)
    write_keys(operator.key_file, keys)


def _reset_keys(operator: Operator) -> Key:
    operator.key_file.parent.mkdir(parents=True, exist_ok=True)
    key = Key(1, "AES128", bytes(16))
    write_anew(operator, Keys((key,)))
    return key


if __name__ == "__main__":
    sys.exit(main())
