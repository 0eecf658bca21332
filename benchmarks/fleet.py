"""Many hosts at once: ``python -m benchmarks.fleet``; needs root on Debian, as sandboxes do, and half an hour.

Hosts are reached as real ones are, by address, with one key and a known_hosts. What is measured is the control process:
its wall time, CPU time and memory. Sandboxes compute on the same cores: the more of them, the more each waits.
"""

import argparse
import os
import platform
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.booted_fleet import CLIENTS, SERVERS, TIME_SOURCE, Fleet, fleet, late_address, load, say, slow
from benchmarks.contenders import Ansible, Pyinfra, Tool
from benchmarks.figures import head, line, replace_table, spread, verdict
from benchmarks.fleet_peers import again, deploy_once
from benchmarks.hosts import BenchError, Spent
from benchmarks.run import make_contenders
from provision.common.errors import ProvisionError
from tests.helpers.dask_cluster import DaskCluster, dask_cluster

SIZES = (1, 5, 10, 20)
SITE = f'[groups.servers]\n{TIME_SOURCE}\n[groups.clients]\nserve.role = "client"\ntime.follows = "servers"\n'
"""Two servers, one after the other, and clients that follow both."""


def growth(sizes: Sequence[int], runs: int) -> str:
    """Measure fleets of several sizes, each from its first deployment on; and with an artifact of the build at hand."""
    compiled: dict[int, Spent] = {}
    unpacked: dict[int, Spent] = {}
    again: dict[int, list[Spent]] = {}
    with TemporaryDirectory(prefix="chrony-bench-") as folder:
        artifacts = Path(folder) / "artifacts"
        for number in sizes:
            with fleet(number) as made:
                compiled[number] = _told(f"{number} hosts, first deployment", made.deploy())
                again[number] = [_told(f"{number} hosts, nothing to do", made.deploy()) for _ in range(runs)]
                if not artifacts.exists():
                    shutil.copytree(made.operator.artifacts, artifacts)
        for number in sizes:
            with fleet(number) as made:
                shutil.copytree(artifacts, made.operator.artifacts)
                unpacked[number] = _told(f"{number} hosts, first deployment, the artifact at hand", made.deploy())
    many = sizes[-1]
    with fleet(many) as made:
        turns = [_told(f"{many} hosts, two of them servers, first deployment", made.deploy(SITE))]
        turns_again = [_told("the same, nothing to do", made.deploy(SITE)) for _ in range(runs)]
    followed = f"{many} hosts, of which {SERVERS} are followed"
    return "\n".join(
        (
            *_growth_table(
                "first deployment", {number: [spent] for number, spent in compiled.items()}, (followed, turns)
            ),
            "",
            *_growth_table(
                "first deployment, the artifact at hand", {number: [spent] for number, spent in unpacked.items()}
            ),
            "",
            *_growth_table("nothing to do", again, (followed, turns_again)),
            "",
            head("budget", "measured", "limit", ""),
            *_growth_budgets(compiled, unpacked, {number: _middle(spents) for number, spents in again.items()}),
        )
    )


COLUMNS = ("wall time, s", "for each further host, s", "CPU time, s", "peak memory, MB")


def _growth_table(
    what: str, spents: Mapping[int, Sequence[Spent]], *others: tuple[str, Sequence[Spent]]
) -> Iterator[str]:
    alone, *_, many = spents
    one = _middle(spents[alone]).seconds
    yield head(what, *COLUMNS)
    rows = [(number, f"{number} {'host' if number == 1 else 'hosts'}", some) for number, some in spents.items()]
    for number, name, some in (*rows, *((many, *other) for other in others)):
        further = f"{(_middle(some).seconds - one) / (number - alone):.2f}" if number > alone else "-"
        yield line(name, _wall(some), further, *_cost(some))


def _wall(spents: Sequence[Spent]) -> str:
    return spread([spent.seconds for spent in spents], ".2f")


def _cost(spents: Sequence[Spent]) -> tuple[str, str]:
    return spread([spent.cpu for spent in spents], ".2f"), spread([spent.megabytes for spent in spents], ".0f")


def _growth_budgets(
    compiled: Mapping[int, Spent], unpacked: Mapping[int, Spent], again: Mapping[int, Spent]
) -> Iterator[str]:
    alone, few, some, *_, many = compiled

    def further(spents: Mapping[int, Spent], low: int, high: int) -> float:
        return (spents[high].seconds - spents[low].seconds) / (high - low)

    share = further(compiled, alone, many) / compiled[alone].seconds
    yield verdict("first deployment: a further host / the first", share, 0.15)
    # Not where one compiles: its minute differs from run to run by more than a further host takes. Nor from the first
    # host on, which mostly waits: what others do meanwhile costs no time.
    for what, spents in (("first deployment, the artifact at hand", unpacked), ("nothing to do", again)):
        flat = further(spents, some, many) / further(spents, few, some)
        yield verdict(f"{what}: a host from {some} to {many} / one from {few} to {some}", flat, 1.2)


def far(number: int, runs: int) -> str:
    """Measure hosts behind a network that is slow, the artifact at hand."""
    with fleet(number + 1) as made:
        # The last one compiles for all; it is not measured.
        Fleet(made.hosts[-1:], made.operator).deploy()
        many = Fleet(made.hosts[:-1], made.operator)
        with slow(many):
            first = _told(f"{number} hosts, delayed, first deployment", many.deploy(reach=late_address))
            sizes = {"1 host": Fleet(many.hosts[:1], many.operator), f"{number} hosts": many}
            rows = [line(f"first deployment, {number} hosts, the artifact at hand", _wall([first]), "-")]
            for name, some in sizes.items():
                late = [_told(f"{name}, delayed, nothing to do", some.deploy(reach=late_address)) for _ in range(runs)]
                soon = [_told(f"{name}, nothing to do", some.deploy()) for _ in range(runs)]
                rows.append(line(f"nothing to do, {name}", _wall(late), _wall(soon)))
    return "\n".join((head("wall time, s", "round trip 100 ms", "round trip below 1 ms"), *rows))


def beside(number: int, runs: int) -> str:
    """Measure a run with nothing to do, by this tool and by the others, each on as many hosts of its own."""
    peers = [one for one in make_contenders() if isinstance(one, Ansible | Pyinfra)]
    spents: dict[str, list[Spent]] = {Tool.name: [], **{peer.name: [] for peer in peers}}
    with ExitStack() as stack:
        ours = stack.enter_context(fleet(number, "tool"))
        ours.deploy()
        theirs = {peer.name: stack.enter_context(fleet(number, peer.name)) for peer in peers}
        for peer in peers:
            deploy_once(peer, theirs[peer.name].hosts)
        for _ in range(runs):
            spents[Tool.name].append(_told(f"{Tool.name}, nothing to do", ours.deploy()))
            for peer in peers:
                spents[peer.name].append(_told(f"{peer.name}, nothing to do", again(peer, theirs[peer.name])))
    rows = [head(f"nothing to do on {number} hosts", "wall time, s", "CPU time, s", "peak memory, MB")]
    rows += [line(name, _wall(some), *_cost(some)) for name, some in spents.items()]
    middles = {name: _middle(some).seconds for name, some in spents.items()}
    rows += ["", head("budget", "measured", "limit", "")]
    for name, limit in ((Ansible.name, 0.10), (Pyinfra.name, 0.30)):
        rows.append(verdict(f"nothing to do / {name}'s", middles[Tool.name] / middles[name], limit))
    return "\n".join(rows)


def cluster(number: int, runs: int) -> str:
    """Measure what a run with nothing to do leaves to the control process when workers do the work."""
    rows = [head("nothing to do", *COLUMNS[:1], *COLUMNS[2:], "CPU time of the cluster, s")]
    with (
        fleet(number) as made,
        dask_cluster(made.operator.home / "cluster", DASK_LOGGING__DISTRIBUTED="info") as workers,
    ):
        for name in WORKERS:
            shutil.copytree(made.operator.known_hosts.parent, workers.home(name) / ".ssh")
        workers.start_workers(*WORKERS)
        made.deploy()
        for some in (Fleet(made.hosts[:1], made.operator), made):
            what = f"{len(some.hosts)} {'host' if len(some.hosts) == 1 else 'hosts'}"
            alone, handed, theirs = [], [], []
            for _ in range(runs):
                alone.append(_told(f"{what}, nothing to do, alone", some.deploy()))
                before = cpu_of(workers)
                spent = some.deploy(CLIENTS, "--scheduler", workers.address)
                handed.append(_told(f"{what}, nothing to do, handed over", spent))
                theirs.append(cpu_of(workers) - before)
            rows.append(line(f"{what}, this machine", _wall(alone), *_cost(alone), "-"))
            rows.append(
                line(f"{what}, {len(WORKERS)} workers on it", _wall(handed), *_cost(handed), spread(theirs, ".2f"))
            )
    return "\n".join(rows)


WORKERS = ("one", "two")


def cpu_of(workers: DaskCluster) -> float:
    """Return the seconds that scheduler and workers, and the programs that they ran, have computed so far.

    proc(5), /proc/pid/stat: utime, stime, cutime and cstime.
    """
    stats = [Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2] for process in workers.processes.values()]
    return sum(float(ticks) for stat in stats for ticks in stat.split()[11:15]) / os.sysconf("SC_CLK_TCK")


def _middle(spents: Sequence[Spent]) -> Spent:
    return sorted(spents, key=lambda spent: spent.seconds)[len(spents) // 2]


def _told(what: str, spent: Spent) -> Spent:
    say(f"  {what}: {spent.seconds:.2f} s, CPU {spent.cpu:.2f} s, {spent.megabytes:.0f} MB; load {load()}")
    return spent


PARTS: dict[str, Callable[[Sequence[int], int], str]] = {
    "growth": growth,
    "far": lambda sizes, runs: far(max(sizes), runs),
    "beside": lambda sizes, runs: beside(max(sizes), runs),
    "cluster": lambda sizes, runs: cluster(max(sizes), runs),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.fleet", description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="runs with nothing to do (default: %(default)s)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="how many hosts (default: %(default)s)")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="also put the tables between their marks in this file"
    )
    options = parser.parse_args(arguments)
    if len(options.sizes) < len(SIZES):
        parser.error(f"--sizes: say {len(SIZES)}, from few to many")
    # A killed bench, too, takes its hosts down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for part in options.part or PARTS:
        begun = load()
        try:
            text = PARTS[part](options.sizes, options.runs)
        except (BenchError, ProvisionError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130
        text = f"{_circumstances(options.runs, begun)}\n\n{text}"
        print(text)
        if options.write:
            replace_table(options.write, text, (f"<!-- fleet {part}: begin -->", f"<!-- fleet {part}: end -->"))
    return 0


def _circumstances(runs: int, load: str) -> str:
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: one first deployment, {runs} more runs: median (least to most).\n"
        f"Machine: {os.cpu_count()} cores ({platform.machine()}), Linux {platform.release()}, "
        f"Python {platform.python_version()}, which the hosts share; load before it began: {load}."
    )


if __name__ == "__main__":
    sys.exit(main())
