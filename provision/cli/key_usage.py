"""Ask the servers of a site which keys they have answered: for ``keys --usage``, and before keys are removed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from provision.cli.command import Command
from provision.cli.key_options import KeysOptions, RetireOptions, RotateOptions
from provision.cli.options import Options
from provision.common.errors import SiteError
from provision.common.text import on_one_line, shown
from provision.deploy.key_usage import key_usage
from provision.deploy.secrets import Secrets
from provision.keys import Keys
from provision.keys.ledger import notes
from provision.keys.source import KeySource
from provision.output.key_usage import KeyUsage
from provision.output.report import Report, exit_status
from provision.site.counted_use import Unused, counted_too_short, not_counted, unused, usage_lines
from provision.site.inventory import Inventory, Member
from provision.site.key_source import source_of


class CountedTooShort(SiteError):  # noqa: N818 -- named after the cause, as each error is
    """All servers count the use of keys, but some for less time than that of ``--unused-for``."""


def show_usage(
    options: KeysOptions, secrets: Secrets, inventory: Inventory, source: KeySource, read: tuple[str, Keys]
) -> int:
    """Print the use of each key, and return the exit status.

    ``read``: the text of the source and its keys. Raises ProvisionError.
    """
    text, keys = read
    known = notes(text)

    def show(reports: Sequence[Report]) -> None:
        lines = usage_lines(keys, known, _usages(reports), addresses=options.addresses)
        print(shown("\n".join((source.name, *lines))), flush=True)

    return exit_status(_ask(options, secrets, inventory, source, show, addresses=options.addresses))


def unused_keys(
    options: RetireOptions | RotateOptions,
    secrets: Secrets,
    inventory: Inventory,
    source: KeySource,
    ids: Sequence[int],
) -> Unused:
    """Return which of these keys no server has answered for the time of ``--unused-for``.

    Raises ProvisionError, also if one of the servers does not know; CountedTooShort if it only has to count for longer.
    """
    assert options.unused_for is not None  # noqa: S101 -- the caller has checked it
    period = options.unused_for
    read = secrets.keys.read(source)
    known = notes(read[0]) if read else {}
    usages, now = _counts(options, secrets, inventory, source)
    if why := counted_too_short(usages, period, now):
        raise CountedTooShort(
            f"--unused-for: the servers do not know it for so long: {why}; ask again later, or for less time"
        )
    return unused(ids, known, usages, period, now, addresses=options.addresses)


def check_counting(options: RotateOptions, secrets: Secrets, inventory: Inventory, source: KeySource) -> None:
    """Ask all servers with these keys whether they count the use of keys. Raises ProvisionError if one does not."""
    _counts(options, secrets, inventory, source)


def check_site_counts(inventory: Inventory, source: KeySource) -> None:
    """Raise SiteError if not all servers with these keys count the use of keys by the site; no host is asked."""
    if names := [one.name for one in _servers(inventory, source) if not one.site.keys.usage]:
        raise SiteError(
            f"--unused-for: the site does not let {', '.join(names)} count the use of keys: set keys.usage = true, and "
            "deploy"
        )


def _counts(
    options: RetireOptions | RotateOptions, secrets: Secrets, inventory: Inventory, source: KeySource
) -> tuple[Mapping[str, KeyUsage], datetime]:
    """Return the counts of all servers with these keys, and the time now. Raises ProvisionError if one has none."""
    if not inventory.members:
        raise SiteError("--unused-for asks all servers with these keys: list them in the site file, under [hosts]")
    everywhere = replace(options, host=())
    usages = _usages(_ask(everywhere, secrets, inventory, source, addresses=options.addresses))
    now = datetime.now(UTC)
    if why := not_counted(usages, now):
        raise SiteError(f"--unused-for: not all servers can tell who uses a key: {why}")
    return usages, now


def _ask(
    options: Options,
    secrets: Secrets,
    inventory: Inventory,
    source: KeySource,
    note: Callable[[list[Report]], None] = lambda _: None,
    *,
    addresses: bool = False,
) -> list[Report]:
    """Ask all servers that have the keys of a source; of those, the hosts of the options. Raises ProvisionError."""
    if inventory.members:
        options = replace(options, host=tuple(one.name for one in _servers(inventory, source, options.host)))
    operation = partial(key_usage, addresses=addresses)
    return Command(task="keys", operation=operation, configures=False).run(options, secrets, note=note)


def _servers(inventory: Inventory, source: KeySource, hosts: Sequence[str] = ()) -> Sequence[Member]:
    """Return the servers with the keys of a source; ``hosts``: of these hosts and groups. Raises SiteError."""
    chosen = inventory.choose(tuple(hosts))
    servers = [one for one in chosen if one.site.serve.role == "server" and source_of(one.site) == source]
    if not servers:
        raise SiteError(f"{inventory.file}: no server has the keys of {source.name}, so none knows who uses them")
    return servers


def _usages(reports: Sequence[Report]) -> Mapping[str, KeyUsage]:
    """Return the use of keys by the name of each server."""
    return {str(report.host): report.key_usage or _unknown(report) for report in reports}


def _unknown(report: Report) -> KeyUsage:
    # The line already begins with the name of the host.
    why = (report.error or "the host was not asked").removeprefix(f"{report.host}: ")
    return KeyUsage(unknown=on_one_line(why), keys=())
