"""The tasks about keys: ``keys``, and ``keys.`` add, retire, rotate, rotate-nts, lint and export.

None of them shows a key, except ``keys.export --to -``. Slow imports are inside the task that needs them.
"""
# ruff: noqa: PLC0415 -- see above

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection

from provision.cli.key_options import (
    AddOptions,
    ExportOptions,
    KeysOptions,
    LintOptions,
    RetireOptions,
    RotateNtsOptions,
    RotateOptions,
)
from provision.cli.option_task import option_task
from provision.cli.options import Options
from provision.common.errors import SiteError, UsageError
from provision.common.text import on_one_line, shown

if TYPE_CHECKING:
    from provision.deploy.secrets import Secrets
    from provision.keys import Keys
    from provision.keys.reader import KeyReader
    from provision.keys.source import KeySource
    from provision.site.inventory import Inventory

NAME = "keys"
ROTATION = (
    "preview",
    "yes",
    "accept_new",
    "parallel",
    "scheduler",
    "sync_timeout",
    "confirm_timeout",
    "lock_timeout",
)
"""The options of a task that shows what it will do, asks, and deploys."""
WHOSE = {
    "host": "host or group of the site whose keys are meant; needed if not all hosts of the site share one key file"
}


@option_task(
    KeysOptions, "usage", "addresses", "host", "site", "json", "accept_new", "parallel", help_=WHOSE, default=True
).with_secrets
def show(options: KeysOptions, secrets: "Secrets") -> int:
    """List the keys and the hosts of the site that use them; the keys themselves are not shown."""
    from provision.keys.ledger import notes
    from provision.keys.listing import listing
    from provision.site.key_users import user_names

    if options.usage:
        return _show_usage(options, secrets)
    if options.json is not None:
        raise UsageError("--json is for --usage; the list of keys has no report")
    if options.addresses:
        raise UsageError("--addresses is for --usage")
    inventory, source = _chosen(options)
    text, keys = _read(source, secrets.keys)
    lines = listing(keys, notes(text), user_names(inventory, source, secrets.keys), _today())
    print("\n".join((source.name, *lines)), flush=True)
    return 0


def _show_usage(options: KeysOptions, secrets: "Secrets") -> int:
    from provision.cli.key_usage import show_usage
    from provision.site.inventory import read_inventory
    from provision.site.key_source import source_of

    inventory = read_inventory(options.site_file)
    # Without hosts in the site, --host names any host.
    source = _chosen(options)[1] if inventory.members else source_of(inventory.defaults)
    return show_usage(options, secrets, inventory, source, _read(source, secrets.keys))


@option_task(AddOptions, "host", "site", "count", "type", "length", "label", "id", help_=WHOSE).with_secrets
def add(options: AddOptions, secrets: "Secrets") -> None:
    """Add random keys to the operator's key file; if one cannot be added, none is. Existing keys stay unchanged."""
    from provision.keys.ledger import Addition, in_words
    from provision.keys.note import Note
    from provision.site.key_users import add as add_keys

    # Before the site file is read: it refuses a type and a label that cannot be.
    addition = Addition(
        note=Note(_today(), options.label),
        count=options.count,
        type=options.type,
        length=options.length,
        first=options.id,
    )
    source = _chosen(options)[1]
    ids = [key.id for key in add_keys(secrets.keys, source, addition)]
    them = "them" if len(ids) > 1 else "it"
    print(f"{in_words(ids)} ({options.type}) added to {source.name}; hosts get {them} by inv deploy")


@option_task(
    RetireOptions,
    "ids",
    "unused_for",
    "addresses",
    "host",
    "site",
    "accept_new",
    "parallel",
    help_=WHOSE,
    collection=NAME,
).with_secrets
def retire(options: RetireOptions, secrets: "Secrets") -> None:
    """Remove keys that no host of the site uses from the operator's key file."""
    from provision.keys.ledger import chosen, in_words
    from provision.keys.source import KeyFile
    from provision.site.key_users import retire as retire_keys
    from provision.site.key_users import user_names

    _check_addresses(options)
    inventory, source = _chosen(options)
    _text, keys = _read(source, secrets.keys)
    gone = chosen(options.ids, keys.ids, source.name)
    used = user_names(inventory, source, secrets.keys)
    if options.unused_for is not None:
        for id_ in sorted(used.keys() & set(gone)):
            print(f"stays: key {id_}: used by {', '.join(used[id_])}", flush=True)
        gone = _unused(options, secrets, inventory, source, [id_ for id_ in gone if id_ not in used])
        if not gone:
            print("no key was removed", flush=True)
            return
    retire_keys(secrets.keys, source, gone, used)
    them = "them" if len(gone) > 1 else "it"
    kept = ""
    if isinstance(source, KeyFile):
        # The retired keys are still in it, and hosts accept them for now.
        kept = f", which is kept as it was in {source.backup}"
    print(f"{in_words(gone)} removed from {source.name}{kept}; hosts accept {them} until inv deploy")


def _unused(
    options: RetireOptions, secrets: "Secrets", inventory: "Inventory", source: "KeySource", ids: Sequence[int]
) -> tuple[int, ...]:
    """Return the keys that no server has answered for the time of ``--unused-for``; name the others."""
    from provision.cli.key_usage import unused_keys

    found = unused_keys(options, secrets, inventory, source, ids)
    for line in found.stay:
        print(f"stays: {shown(line)}", flush=True)
    return found.ids


def _check_addresses(options: RetireOptions | RotateOptions) -> None:
    """Raise UsageError for ``--addresses`` without the option that asks servers."""
    if options.addresses and options.unused_for is None:
        raise UsageError("--addresses is for --unused-for: add that option, or see inv keys --usage --addresses")


@option_task(
    RotateOptions,
    "host",
    "site",
    "id",
    "type",
    "overlap",
    "unused_for",
    "addresses",
    *ROTATION,
    help_=WHOSE,
).with_secrets
def rotate(options: RotateOptions, secrets: "Secrets") -> int:
    """Replace the key that hosts use to authenticate to their servers; run it again to continue where it stopped."""
    from provision.cli.rotate import Rotating

    _check_addresses(options)
    inventory, source = _chosen(options)
    return Rotating(inventory, source, options, secrets).run(today=_today())


@option_task(
    RotateNtsOptions,
    "host",
    "site",
    *ROTATION,
    help_={"host": "host or group of the site whose keys are meant; needed if there are several files of shared keys"},
).with_secrets
def rotate_nts(options: RotateNtsOptions, secrets: "Secrets") -> int:
    """Rotate the keys that servers with NTS share (serve.nts.shared_keys), or make them; run it again to continue."""
    from provision.cli.rotate_nts import RotatingNts
    from provision.site.inventory import read_inventory
    from provision.site.shared_nts_keys import choose_shared

    file, servers = choose_shared(read_inventory(options.site_file), options.host)
    return RotatingNts(file, servers, options, secrets).run(today=_today())


@option_task(LintOptions, "file", collection=NAME)
def lint(options: LintOptions) -> int:
    """Print all problems of a key file. Exit status 1: there are errors; with warnings alone it is 0."""
    from provision.keys.lint import problems, without_findings
    from provision.keys.source import decoded
    from provision.keys.source import lint as lint_file

    file = options.file
    if file == "-":
        text = decoded(sys.stdin.buffer.read())
        found = list(problems(text))
    else:
        text, found = lint_file(Path(file))
    lines = [str(problem) for problem in found] or [without_findings(text)]
    print("".join(on_one_line(f"{file}: {line}") + "\n" for line in lines), end="", flush=True)
    return int(not all(problem.is_warning for problem in found))


TO = {"to": "file to write, with mode 0600, or - for standard output; an existing file is replaced only with --force"}


@option_task(
    ExportOptions,
    "ids",
    "host",
    "site",
    "format",
    "to",
    "to_folder",
    "server",
    "force",
    help_=WHOSE | TO,
    collection=NAME,
).with_secrets
def export(options: ExportOptions, secrets: "Secrets") -> None:
    """Write keys for clients that this tool does not manage, in their format, and print the client's configuration."""
    from provision.cli.export import Exporting, destination, own_files
    from provision.host.session import known_address
    from provision.keys import Keys
    from provision.keys.ledger import chosen
    from provision.site.server_addresses import addresses_of_servers

    place = destination(options)
    inventory, source = _chosen(options)
    _text, keys = _read(source, secrets.keys)
    wanted = set(chosen(options.ids, keys.ids, source.name))
    some = Keys(tuple(key for key in keys if key.id in wanted))
    servers = options.server or addresses_of_servers(inventory, source, known_address)
    own = own_files(inventory)
    Exporting(keys=some, own=own, servers=servers, format=options.format, force=options.force).write(place)


def _chosen(options: Options) -> "tuple[Inventory, KeySource]":
    from provision.site.inventory import read_inventory
    from provision.site.key_users import choose_source

    inventory = read_inventory(options.site_file)
    return inventory, choose_source(inventory, options.host)


def _read(source: "KeySource", reader: "KeyReader") -> "tuple[str, Keys]":
    """Return the text of a source and its keys. Raises SiteError, also when there are none yet."""
    read = reader.read(source)
    if read is None:
        raise SiteError(f"{source.name}: no keys yet; inv keys.add makes one, and so does the first deployment")
    return read


def _today() -> date:
    return datetime.now(UTC).date()


def collection() -> Collection:
    """Return the tasks; ``keys`` alone is the list."""
    tasks = Collection(NAME)
    tasks.add_task(show, name="list", default=True)
    for one in (add, retire, rotate, rotate_nts, lint, export):
        tasks.add_task(one)
    return tasks
