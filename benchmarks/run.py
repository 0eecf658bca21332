"""Measure this tool beside the others: ``python -m benchmarks.run --runs 3``; needs root on Debian, as sandboxes do.

Every first run has a fresh host. The contenders take turns, and another one begins in each round, so that what drifts
on this machine or on the mirror does not fall on one of them. Nothing is kept but the table, if --write asks for it.
"""

import argparse
import os
import platform
import shutil
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import user_cache_path

from benchmarks.contenders import Ansible, Contender, FromArtifact, FromSandbox, Guide, Pyinfra, Tool
from benchmarks.figures import AGAIN, COMPILER, PAUSE, PROVEN, Figures, print_tables, tables
from benchmarks.hosts import SUITE, Host, fresh_host, run
from benchmarks.imports import import_table
from provision.build.fetch.fetch import fetch
from provision.build.fetch.store import Store
from provision.chrony.releases import DEFAULT_CHRONY, DEFAULT_NETTLE, find
from provision.common.errors import SiteError
from provision.keys import parse_keys
from provision.verify.ntp.probe import probe
from tests.helpers.load_meter import under_load
from tests.helpers.operators import Operator

PEERS = Path(__file__).with_name("peers.txt")
AGAIN_RUNS = 2
IMPORT_RUNS = 3
SWITCHES = 3
REQUESTS = 10
"""Requests in a second during a switch."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=3, help="first runs of each contender (default: %(default)s)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also put the table between its marks in this file")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        parser.error("--runs: say 1 or more")
    return print_tables(lambda: measure(options.runs), options.write)


def measure(runs: int) -> str:
    """Let everybody do the work, each as often, and return the tables."""
    contenders = make_contenders()
    figures = Figures()
    imported: list[Mapping[str, int]] = []
    begun = os.getloadavg()[1]
    with TemporaryDirectory(prefix="chrony-bench-") as folder:
        artifacts = Path(folder) / "artifacts"
        for number in range(runs):
            first = number % len(contenders)
            further = (FromSandbox(), FromArtifact(artifacts))
            for contender in (*contenders[first:], *contenders[:first], *further):
                _say(f"run {number + 1} of {runs}: {contender.name}, {contender.first}")
                with fresh_host(f"bench-{contender.name.replace(' ', '-')}") as host:
                    take_turn(contender, host, figures)
                    if type(contender) is Tool:
                        imported += [contender.import_times(host) for _ in range(IMPORT_RUNS)]
                        shutil.copytree(Operator(host.folder).artifacts, artifacts, dirs_exist_ok=True)
    names = [contender.name for contender in contenders]
    return f"{_circumstances(runs, begun)}\n\n{tables(figures, names)}\n\n{import_table(imported)}"


def make_contenders() -> tuple[Contender, ...]:
    """Get ready what all hosts share: the tarballs, and an environment with the peers."""
    store = Store.default()
    releases = {name: find(name, version) for name, version in (("nettle", DEFAULT_NETTLE), ("chrony", DEFAULT_CHRONY))}
    tarballs = {name: fetch(release, store=store, say=_say).path for name, release in releases.items()}
    peers = install_peers()
    values = {name: str(path) for name, path in tarballs.items()}
    return Tool(), Guide(tuple(tarballs.values())), Ansible(peers, values), Pyinfra(peers, values)


def install_peers() -> Path:
    """Install Ansible and pyinfra for this bench alone; return the folder of their commands."""
    folder = user_cache_path("chrony-provision") / "bench"
    if not (folder / "bin" / "pip").exists():
        venv.create(folder, with_pip=True)
    _say(f"getting {' and '.join(PEERS.read_text().split())} ready in {folder}")
    run(folder / "bin" / "pip", "install", "--quiet", "--requirement", PEERS, cwd=folder)
    return folder / "bin"


def take_turn(contender: Contender, host: Host, figures: Figures) -> None:
    """Measure one contender on its fresh host."""
    contender.prepare(host)
    _deploy(contender, host, figures, contender.first)
    figures.add(contender.name, PROVEN, serves_with_keys(host))
    if isinstance(contender, FromSandbox):
        figures.add(contender.name, COMPILER, has_compiler(host))
    for _ in range(AGAIN_RUNS if contender.repeats else 0):
        _deploy(contender, host, figures, AGAIN)
    if type(contender) is Tool:
        for number in range(SWITCHES):
            figures.add(contender.name, PAUSE, silence_in_a_switch(contender, host, number))


def silence_in_a_switch(tool: Tool, host: Host, number: int) -> float:
    """Return for how many seconds an authenticated request was not answered while another generation took over."""
    (key, *_) = parse_keys(host.ssh("cat", "/etc/chrony/chrony.keys"), host.sandbox.name)
    with under_load(host.address, key, REQUESTS) as meter:
        tool.switch(host, number)
    _say(f"  {PAUSE}: {meter.longest_silence:.2f} s")
    return meter.longest_silence


def serves_with_keys(host: Host) -> bool:
    """Say whether chronyd answers from here to every key that stands in its key file."""
    try:
        keys = parse_keys(host.ssh("cat", "/etc/chrony/chrony.keys"), host.sandbox.name)
    except SiteError:  # there is none in it
        return False
    return all(answer.mac_valid for answer in probe(host.address, keys).keys)


def has_compiler(host: Host) -> bool:
    """Say whether a compiler or a linker is installed on a host."""
    return bool(host.ssh("command -v gcc cc ld make || true"))


def _deploy(contender: Contender, host: Host, figures: Figures, what: str) -> None:
    begun = time.perf_counter()
    contender.deploy(host)
    seconds = time.perf_counter() - begun
    figures.add(contender.name, what, seconds)
    for name, value in contender.counts(host).items():
        figures.add(contender.name, name, value)
    _say(f"  {what}: {seconds:.2f} s")


def _circumstances(runs: int, load: float) -> str:
    """Return when, where and with what this was measured."""
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {runs} first runs and {runs * AGAIN_RUNS} more of each.\n"
        f"Software: chrony {DEFAULT_CHRONY}, Nettle {DEFAULT_NETTLE}, {', '.join(PEERS.read_text().split())}, "
        f"Python {platform.python_version()}; hosts with Debian {SUITE}.\n"
        f"Machine: {os.cpu_count()} cores ({platform.machine()}), Linux {platform.release()}; "
        f"load before it began: {load:.1f}."
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
