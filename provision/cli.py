"""The tasks, as ``inv`` and ``chrony-provision`` show them: each reads, calls, prints.

Errors end as one line, bugs as a traceback. Exit status: 0 as wanted, 1 not as wanted, 2 not tried, 3 plan would change
something. What is slow to import is imported in the task that needs it: ``--list`` answers at once.
"""
# ruff: noqa: PLC0415, PLR0913, PLR0917, FBT001, FBT002 -- see above; a parameter is an option, a boolean one a flag

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from provision.errors import ProvisionError

if TYPE_CHECKING:
    from provision.run import Story
    from provision.wish import Wish

HOST = {
    "host": "name, user@name:port, a Host of ~/.ssh/config, local, sandbox or sandbox:NAME; may be given several times"
}
SITE = {
    "site": "the site file (default: site.toml if it is there, else built-in defaults)",
    "json": "write the report to this file as JSON",
    "accept-new": "learn the SSH keys of hosts that known_hosts does not have; a changed key is always refused",
}
RELEASES = {
    "chrony": "the chrony release, such as 4.9; before the site's",
    "nettle": "the Nettle release, such as 3.10.2, or system for the distribution's; before the site's",
    "sources": "a folder that holds the tarballs, for places without Internet",
}
INTERRUPTED = 130
"""128 + SIGINT, as a shell says it."""
CHECK = {"check": "also run chrony's own unit tests after a build"}
PATIENCE = {"patience": "seconds to wait for the clock to be synchronised (default: 60)"}
WAIT = {"wait": "wait, for an hour at most, while somebody else is at work on the host"}
SWITCH = {
    "confirm-within": "seconds after which a host goes back by itself, if nobody proved the new daemon (default: 90)"
}


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except ProvisionError as error:
        raise Exit(f"error: {error}", code=2) from error
    except KeyboardInterrupt:
        raise Exit("interrupted; the same line completes what was begun", code=INTERRUPTED) from None


def _tell(story: "Story", wish: "Wish", json: str) -> None:
    """Tell a story on each host in turn, write the report, and exit as it says."""
    from provision.progress import Progress
    from provision.report import exit_status, write_json
    from provision.run import run_on

    if json:
        # Before the first host: a report that cannot be written is bad input.
        write_json(json, [])
    if not wish.targets:
        raise Exit("error: no host; say --host NAME, --host local or --host sandbox", code=2)
    with Progress() as progress:
        reports = [run_on(target, wish, progress, story) for target in wish.targets]
    if json:
        write_json(json, reports)
    if (status := exit_status(reports)) != 0:
        raise Exit(code=status)


@task(
    auto_shortflags=False,
    iterable=["host"],
    help=HOST
    | SITE
    | RELEASES
    | CHECK
    | PATIENCE
    | SWITCH
    | WAIT
    | {"no-activate": "stage and rehearse only, as for an image; works without systemd"},
)
def deploy(
    _: Context,
    host: list[str],
    site: str = "",
    chrony: str = "",
    nettle: str = "",
    sources: str = "",
    json: str = "",
    patience: str = "60",
    confirm_within: str = "90",
    check: bool = False,
    accept_new: bool = False,
    wait: bool = False,
    no_activate: bool = False,
) -> None:
    """Build, configure, start and prove chrony on hosts, one after the other."""
    from provision.deploy import deploy as whole
    from provision.deploy import stage
    from provision.wish import make_wish

    with _one_line_errors():
        wish = make_wish(
            hosts=host,
            site=site,
            chrony=chrony,
            nettle=nettle,
            sources=sources,
            check=check,
            accept_new=accept_new,
            patience=patience,
            confirm_within=confirm_within,
            wait=wait,
        )
        _tell(stage if no_activate else whole, wish, json)


@task(auto_shortflags=False, iterable=["host"], help=HOST | SITE | RELEASES)
def plan(
    _: Context,
    host: list[str],
    site: str = "",
    chrony: str = "",
    nettle: str = "",
    json: str = "",
    sources: str = "",
    accept_new: bool = False,
) -> None:
    """Show what deploy would do, and why; change nothing. Exit status 3: something would change."""
    from provision.deploy import plan as story
    from provision.wish import make_wish

    with _one_line_errors():
        wish = make_wish(hosts=host, site=site, chrony=chrony, nettle=nettle, sources=sources, accept_new=accept_new)
        _tell(story, wish, json)


@task(auto_shortflags=False, iterable=["host"], help=HOST | SITE | RELEASES | CHECK | WAIT)
def build(
    _: Context,
    host: list[str],
    site: str = "",
    chrony: str = "",
    nettle: str = "",
    sources: str = "",
    json: str = "",
    check: bool = False,
    accept_new: bool = False,
    wait: bool = False,
) -> None:
    """Build chrony, verify and rehearse it, no more; works without systemd, as with --host local in a container."""
    from provision.deploy import build as story
    from provision.wish import make_wish

    with _one_line_errors():
        wish = make_wish(
            hosts=host,
            site=site,
            chrony=chrony,
            nettle=nettle,
            sources=sources,
            check=check,
            accept_new=accept_new,
            wait=wait,
        )
        _tell(story, wish, json)


@task(auto_shortflags=False, iterable=["host"], help=HOST | SITE | {"chrony": RELEASES["chrony"]} | PATIENCE)
def verify(
    _: Context,
    host: list[str],
    site: str = "",
    chrony: str = "",
    json: str = "",
    patience: str = "60",
    accept_new: bool = False,
) -> None:
    """Prove what runs on hosts now; change nothing."""
    from provision.deploy import verify as story
    from provision.wish import make_wish

    with _one_line_errors():
        wish = make_wish(hosts=host, site=site, chrony=chrony, accept_new=accept_new, patience=patience)
        _tell(story, wish, json)


@task(auto_shortflags=False, iterable=["host"], help=HOST | SITE)
def status(
    _: Context,
    host: list[str],
    site: str = "",
    json: str = "",
    accept_new: bool = False,
) -> None:
    """Show how the clocks of hosts stand: tracking and sources."""
    from provision.deploy import status as story
    from provision.wish import make_wish

    with _one_line_errors():
        _tell(story, make_wish(hosts=host, site=site, accept_new=accept_new), json)


@task(auto_shortflags=False, iterable=["host"], help=HOST | SITE)
def history(
    _: Context,
    host: list[str],
    site: str = "",
    json: str = "",
    accept_new: bool = False,
) -> None:
    """Show what hosts were switched to: when, by whom, what changed, and what became of it."""
    from provision.rollback import history as story
    from provision.wish import make_wish

    with _one_line_errors():
        _tell(story, make_wish(hosts=host, site=site, accept_new=accept_new), json)


@task(
    auto_shortflags=False,
    iterable=["host"],
    help=HOST
    | SITE
    | PATIENCE
    | SWITCH
    | WAIT
    | {"to": "the generation (default: the one before); history lists them"},
)
def rollback(
    _: Context,
    host: list[str],
    to: str = "",
    site: str = "",
    json: str = "",
    patience: str = "60",
    confirm_within: str = "90",
    accept_new: bool = False,
    wait: bool = False,
) -> None:
    """Switch hosts back to a generation that they still have, and prove it."""
    from functools import partial

    from provision.rollback import rollback as story
    from provision.wish import make_wish

    with _one_line_errors():
        wish = make_wish(
            hosts=host,
            site=site,
            accept_new=accept_new,
            patience=patience,
            confirm_within=confirm_within,
            wait=wait,
        )
        _tell(partial(story, to=to), wish, json)


@task(
    auto_shortflags=False,
    iterable=["host"],
    help=HOST
    | SITE
    | WAIT
    | {"purge": "also remove builds, generations and their keys, state, and the account if we made it"},
)
def uninstall(
    _: Context,
    host: list[str],
    purge: bool = False,
    site: str = "",
    json: str = "",
    accept_new: bool = False,
    wait: bool = False,
) -> None:
    """Leave hosts: the time service that was there before does its work again."""
    from functools import partial

    from provision.uninstall import uninstall as story
    from provision.wish import make_wish

    with _one_line_errors():
        wish = make_wish(hosts=host, site=site, accept_new=accept_new, wait=wait)
        _tell(partial(story, purge=purge), wish, json)


@task(
    auto_shortflags=False,
    help={
        "site": SITE["site"],
        "chrony": RELEASES["chrony"],
        "nettle": RELEASES["nettle"],
        "sources": RELEASES["sources"],
    },
)
def fetch(_: Context, site: str = "", chrony: str = "", nettle: str = "", sources: str = "") -> None:
    """Fetch and verify the tarballs into the store of this machine."""
    from provision.fetch import Store
    from provision.fetch import fetch as fetch_release
    from provision.progress import Progress
    from provision.wish import make_wish

    with _one_line_errors(), Progress() as progress:
        wish = make_wish(hosts=[], site=site, chrony=chrony, nettle=nettle, sources=sources)
        for release in wish.releases:
            tarball = fetch_release(release, store=Store.default(), sources=wish.sources, say=progress.line)
            progress.say(f"{release}  {tarball.path}\n  from {tarball.origin}; signature: {tarball.signature}")


@task(
    auto_shortflags=False,
    help={
        "site": SITE["site"],
        "id": "the id of the key, from 1 (default: the lowest that is free)",
        "type": "AES128 (default), AES256, SHA1, SHA256, SHA512 …",
    },
)
def keygen(_: Context, site: str = "", id: str = "", type: str = "AES128") -> None:  # noqa: A002 -- as in chronyc
    """Add a new key to the operator's key file; nothing secret is printed."""
    from provision.keys import add_key, key_id
    from provision.wish import make_wish

    with _one_line_errors():
        wish = make_wish(hosts=[], site=site)
        print(f"{add_key(wish.key_file, id=key_id(id) if id else None, type=type)} added to {wish.key_file}")


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
    from provision.progress import Progress

    with _one_line_errors(), Progress() as progress:
        host = sandbox.up(name or suite, suite, say=progress.say)
        progress.say(f"{host.name}  {host.address}  Debian {host.suite}\n  ssh -i {host.key} root@{host.address}")


@task(auto_shortflags=False)
def sandbox_list(_: Context) -> None:
    """Show the throwaway hosts of this machine."""
    from provision import sandbox

    with _one_line_errors():
        for host in sandbox.listed():
            pid = sandbox.pid_of(host)
            print(f"{host.name:<20}  {host.address:<15}  {host.suite:<9}  {f'pid {pid}' if pid else 'stopped'}")


@task(auto_shortflags=False, iterable=["name"], help={"name": "the name of a host (default: all of them)"})
def sandbox_down(_: Context, name: list[str]) -> None:
    """Shut throwaway hosts down and delete them; base images are kept."""
    from provision import sandbox

    with _one_line_errors():
        for one in name or [host.name for host in sandbox.listed()]:
            sandbox.down(one)
            print(f"{one} is gone")


def collection() -> Collection:
    """Return the tasks; the checkout's tasks.py adds those for developers."""
    tasks = Collection(deploy, plan, fetch, build, verify, status, history, rollback, uninstall, keygen, releases)
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
