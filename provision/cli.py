"""The tasks, as ``inv`` and ``chrony-provision`` show them: each reads, calls, prints.

Errors end as one line, bugs as a traceback. Exit status: 0 as wanted, 1 not as wanted, 2 not tried, 3 plan would change
something. What is slow to import is imported in the task that needs it: ``--list`` answers at once.
"""
# ruff: noqa: PLC0415, FBT001, FBT002 -- see above; a parameter is an option, a boolean one a flag

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any, cast

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task, task

from provision import key_tasks
from provision.exits import one_line_errors

if TYPE_CHECKING:
    from provision.run import Story

SEVERAL = ("host", "limit", "exclude")
"""Options that may be given several times."""
MANY = ("parallel", "max_failures", "retry", "scheduler")
"""Options about many hosts."""
OPTIONS: dict[str, tuple[str | bool, str]] = {
    "host": (
        "",
        (
            "a host or group of the site (default: all of them); without such a site: name, user@name:port, a Host of "
            "~/.ssh/config, local, sandbox or sandbox:NAME; may be given several times"
        ),
    ),
    "limit": ("", "only this host or group of those; may be given several times"),
    "exclude": ("", "but not this host or group; may be given several times"),
    "site": ("", "the site file (default: site.toml if it is there, else built-in defaults)"),
    "json": ("", "write the report to this file as JSON"),
    "accept_new": (
        False,
        "learn the SSH keys of hosts that known_hosts does not have; a changed key is always refused",
    ),
    "chrony": ("", "the chrony release, such as 4.9; before the site's"),
    "nettle": ("", "the Nettle release, such as 3.10.2, or system for the distribution's; before the site's"),
    "sources": ("", "a folder that holds the tarballs, for places without Internet"),
    "bundle": ("", "a file of inv bundle: tarballs and artifacts are taken from it, and from nowhere else"),
    "check": (False, "also run chrony's own unit tests after a build"),
    "patience": ("60", "seconds to wait for the clock to be synchronised (default: 60)"),
    "wait": (False, "wait, for an hour at most, while somebody else is at work on the host"),
    "confirm_within": (
        "90",
        "seconds after which a host goes back by itself, if nobody proved the new daemon (default: 90)",
    ),
    "parallel": ("16", "how many hosts are worked on at once (default: 16)"),
    "max_failures": ("", "begin no other host after so many that failed (default: go on)"),
    "retry": (False, "only those hosts that were not as wanted when this task ran last"),
    "scheduler": (
        "",
        "tls://name:8786, the scheduler of a Dask cluster whose workers do the work (default: this machine does)",
    ),
    "no_activate": (False, "stage and rehearse only, as for an image; works without systemd"),
    "to": ("", "the generation (default: the one before); history lists them"),
    "purge": (False, "also remove builds, generations and their keys, state, and the account if we made it"),
}
"""Of tasks that are about hosts: the default, and what it is for."""


def _on_hosts(
    *names: str, named: bool = False, configures: bool = True, rolling: bool = False
) -> Callable[[Callable[..., "Story"]], "Task[Any]"]:
    """Make a task of what returns a story; these are its options, beside those that each such task has.

    ``named``: it does to a host what must not be done by a slip, so the hosts of a site have to be named.
    ``configures``: it needs to know whom a host follows. ``rolling``: it may change what serves time.
    """

    def make(choose: Callable[..., "Story"]) -> "Task[Any]":
        options = (*SEVERAL, *names, "site", "json", "accept_new", *MANY)

        def body(_: Context, **given: Any) -> None:
            from provision.command import Command
            from provision.report import exit_status

            with one_line_errors():
                if named and not given["host"]:
                    raise Exit("error: no host; say --host NAME", code=2)
                story = choose(**{name: given[name] for name in signature(choose).parameters})
                command = Command(task=choose.__name__, story=story, configures=configures, rolling=rolling)
                status = exit_status(command.run(given))
            if status != 0:
                raise Exit(code=status)

        body.__name__, body.__doc__ = choose.__name__, choose.__doc__
        # Invoke reads the options of a task from its signature.
        shown = [_parameter("_"), *(_parameter(name) for name in options)]
        body.__signature__ = Signature(shown)  # type: ignore[attr-defined]
        help_ = {name.replace("_", "-"): OPTIONS[name][1] for name in options}
        return cast("Task[Any]", task(body, auto_shortflags=False, iterable=list(SEVERAL), help=help_))

    return make


def _parameter(name: str) -> Parameter:
    has_default = name in OPTIONS and name not in SEVERAL
    default = OPTIONS[name][0] if has_default else Parameter.empty
    return Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default)


@_on_hosts(
    "chrony", "nettle", "sources", "bundle", "check", "patience", "confirm_within", "wait", "no_activate", rolling=True
)
def deploy(no_activate: bool) -> "Story":
    """Build, configure, start and prove chrony on hosts; servers of a group one after the other."""
    from provision.deploy import deploy as whole
    from provision.deploy import stage

    return stage if no_activate else whole


@_on_hosts("chrony", "nettle", "sources", "bundle")
def plan() -> "Story":
    """Show what deploy would do, and why; change nothing. Exit status 3: something would change."""
    from provision.deploy import plan as story

    return story


@_on_hosts("chrony", "nettle", "sources", "bundle", "check", "wait")
def build() -> "Story":
    """Build chrony, verify and rehearse it, no more; works without systemd, as with --host local in a container."""
    from provision.deploy import build as story

    return story


@_on_hosts("chrony", "patience")
def verify() -> "Story":
    """Prove what runs on hosts now; change nothing."""
    from provision.deploy import verify as story

    return story


@_on_hosts(configures=False)
def status() -> "Story":
    """Show how the clocks of hosts stand: tracking and sources."""
    from provision.deploy import status as story

    return story


@_on_hosts(configures=False)
def history() -> "Story":
    """Show what hosts were switched to: when, by whom, what changed, and what became of it."""
    from provision.rollback import history as story

    return story


@_on_hosts("to", "patience", "confirm_within", "wait", named=True, configures=False, rolling=True)
def rollback(to: str) -> "Story":
    """Switch hosts back to a generation that they still have, and prove it."""
    from functools import partial

    from provision.rollback import rollback as story

    return partial(story, to=to)


@_on_hosts("purge", "wait", named=True, configures=False)
def uninstall(purge: bool) -> "Story":
    """Leave hosts: the time service that was there before does its work again."""
    from functools import partial

    from provision.uninstall import uninstall as story

    return partial(story, purge=purge)


def _help(*names: str) -> dict[str, str]:
    return {name: OPTIONS[name][1] for name in names}


@task(auto_shortflags=False, iterable=["host"], help=_help("site") | {"host": "only this host or group"})
def site(_: Context, host: list[str], site: str = "") -> None:
    """Show what each host of the site resolves to, and which level of the file has said so."""
    from provision.following import in_order
    from provision.overview import overview
    from provision.roster import read_roster
    from provision.session import known_address
    from provision.wish import Options, resolve

    with one_line_errors():
        roster = read_roster(Options(site=site).file)
        if not roster.members:
            raise Exit(f"error: {roster.file} has no hosts; they stand in [hosts.NAME]", code=2)
        chosen = roster.choose(host)
        ordered = in_order(roster, chosen)
        print("\n\n".join(overview(resolve(roster, ordered, known_address))))


@task(
    auto_shortflags=False,
    help=_help("site", "chrony", "nettle", "sources"),
)
def fetch(_: Context, site: str = "", chrony: str = "", nettle: str = "", sources: str = "") -> None:
    """Fetch and verify the tarballs into the store of this machine."""
    from provision.fetch import Store
    from provision.fetch import fetch as fetch_release
    from provision.progress.lines import Lines
    from provision.wish import Options, all_releases, make_wish

    with one_line_errors(), Lines() as lines:
        options = Options(site=site, chrony=chrony, nettle=nettle, sources=sources)
        folder = make_wish(options).sources
        for release in all_releases(options):
            tarball = fetch_release(release, store=Store.default(), sources=folder, say=lines.line)
            lines.say(f"{release}  {tarball.path}\n  from {tarball.origin}; signature: {tarball.signature}")


@task(
    auto_shortflags=False,
    positional=["file"],
    help=_help("site", "chrony", "nettle", "sources") | {"file": "the file that is written"},
)
def bundle(_: Context, file: str, site: str = "", chrony: str = "", nettle: str = "", sources: str = "") -> None:
    """Write tarballs, signatures and artifacts for a site into one file, for deployments without any network."""
    from pathlib import Path

    from provision.artifacts import Artifacts
    from provision.bundle import write
    from provision.fetch import Store
    from provision.progress.lines import Lines
    from provision.wish import Options, all_releases, make_wish

    with one_line_errors(), Lines() as lines:
        options = Options(site=site, chrony=chrony, nettle=nettle, sources=sources)
        folder, store = make_wish(options).sources, Store.default()
        for line in write(Path(file), all_releases(options), store, Artifacts.default(), folder, lines.line):
            lines.say(line)


@task(auto_shortflags=False, help={"offline": "do not ask upstream for the newest"})
def releases(_: Context, offline: bool = False) -> None:
    """Show which releases are pinned, which are the default, and what is newest upstream."""
    from provision.fetch import newest
    from provision.releases import DEFAULT_CHRONY, DEFAULT_NETTLE, pins

    for name, default in (("chrony", DEFAULT_CHRONY), ("nettle", DEFAULT_NETTLE)):
        versions = " ".join(f"{pin.version}{'*' if pin.version == default else ''}" for pin in pins(name))
        print(f"{name:<8}pinned: {versions}  (* default)")
        if offline:
            continue
        found = newest(name)
        print(f"        newest: {f'{found.version}, says {found.origin}' if found else 'nobody could be asked'}")


@task(
    auto_shortflags=False,
    help={"name": "the name of the host (default: its suite)", "suite": "bullseye, bookworm (default), trixie or sid"},
)
def sandbox_up(_: Context, name: str = "", suite: str = "bookworm") -> None:
    """Boot a throwaway host on this machine: real Debian, systemd and sshd, and a time source beside it."""
    from provision import sandbox
    from provision.progress.lines import Lines

    with one_line_errors(), Lines() as lines:
        host = sandbox.up(name or suite, suite, say=lines.say)
        lines.say(f"{host.name}  {host.address}  Debian {host.suite}\n  ssh -i {host.key} root@{host.address}")


@task(auto_shortflags=False)
def sandbox_list(_: Context) -> None:
    """Show the throwaway hosts of this machine."""
    from provision import sandbox

    with one_line_errors():
        for host in sandbox.listed():
            pid = sandbox.pid_of(host)
            print(f"{host.name:<20}  {host.address:<15}  {host.suite:<9}  {f'pid {pid}' if pid else 'stopped'}")


@task(auto_shortflags=False, iterable=["name"], help={"name": "the name of a host (default: all of them)"})
def sandbox_down(_: Context, name: list[str]) -> None:
    """Shut throwaway hosts down and delete them; base images are kept."""
    from provision import sandbox

    with one_line_errors():
        for one in name or [host.name for host in sandbox.listed()]:
            sandbox.down(one)
            print(f"{one} is gone")


def collection() -> Collection:
    """Return the tasks; the checkout's tasks.py adds those for developers."""
    tasks = Collection(deploy, plan, fetch, bundle, build, verify, status, history, rollback, uninstall, site, releases)
    tasks.add_collection(key_tasks.collection())
    rooms = Collection("sandbox")
    rooms.add_task(sandbox_up, name="up")
    rooms.add_task(sandbox_list, name="list")
    rooms.add_task(sandbox_down, name="down")
    tasks.add_collection(rooms)
    return tasks


def main() -> None:
    """Run the command ``chrony-provision``."""
    from importlib.metadata import version

    from invoke.program import Program

    name = "chrony-provision"
    Program(name=name, binary=name, version=version(name), namespace=collection()).run()
