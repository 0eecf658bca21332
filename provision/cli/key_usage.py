"""Ask the servers of a site which keys they have answered: for ``keys --usage``, and before keys are removed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from provision.cli.command import Command
from provision.cli.key_options import KeysOptions
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
from provision.site.counted_use import Unused, too_little_known, unused, usage_lines
from provision.site.inventory import Inventory
from provision.site.key_source import source_of


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
    options: Options, secrets: Secrets, inventory: Inventory, source: KeySource, ids: Sequence[int], period: timedelta
) -> Unused:
    """Return which of these keys no server has answered for a time.

    Raises ProvisionError, also if one of the servers cannot say it.
    """
    if not inventory.members:
        raise SiteError("--unused-for asks all servers with these keys: list them in the site file, under [hosts]")
    read = secrets.keys.read(source)
    known = notes(read[0]) if read else {}
    usages = _usages(_ask(replace(options, host=()), secrets, inventory, source))
    now = datetime.now(UTC)
    if why := too_little_known(usages, period, now):
        raise SiteError(f"--unused-for: the servers do not know it for so long: {why}")
    return unused(ids, known, usages, period, now)


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
        chosen = inventory.choose(options.host)
        servers = [one for one in chosen if one.site.serve.role == "server" and source_of(one.site) == source]
        if not servers:
            raise SiteError(f"{inventory.file}: no server has the keys of {source.name}, so none knows who uses them")
        options = replace(options, host=tuple(one.name for one in servers))
    operation = partial(key_usage, addresses=addresses)
    return Command(task="keys", operation=operation, configures=False).run(options, secrets, note=note)


def _usages(reports: Sequence[Report]) -> Mapping[str, KeyUsage]:
    """Return the use of keys by the name of each server."""
    return {str(report.host): report.key_usage or _unknown(report) for report in reports}


def _unknown(report: Report) -> KeyUsage:
    # The line already begins with the name of the host.
    why = (report.error or "the host was not asked").removeprefix(f"{report.host}: ")
    return KeyUsage(unknown=on_one_line(why), keys=())
