"""Find out when the operator's keys were added, for the metrics; see provision/keys/note.py."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from provision.common.errors import SiteError
from provision.keys.ledger import notes
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile
from provision.output.metrics import KeyDate
from provision.site.inventory import Inventory, read_inventory
from provision.site.key_users import sources, user_names

MOST_KEYS = 1000
"""The most keys of a file that all have a date; of a larger one, only the keys with which hosts authenticate."""


def key_dates(site_file: Path | None, reader: KeyReader) -> Iterator[KeyDate]:
    """Yield the dates of the keys in the key files of a site; none of a file that cannot be read.

    A command that prints keys is not run: it may ask for a passphrase.
    """
    # The state of a host is also for those who may not read the keys, and a wrong site has been told.
    with suppress(SiteError):
        inventory = read_inventory(site_file)
        for source in sources(inventory):
            if isinstance(source, KeyFile):
                with suppress(SiteError):
                    yield from _of_file(inventory, source, reader)


def _of_file(inventory: Inventory, source: KeyFile, reader: KeyReader) -> Iterator[KeyDate]:
    read = reader.read(source)
    if read is None:
        return
    text, keys = read
    wanted = set(keys.ids)
    if len(wanted) > MOST_KEYS:
        wanted = set(user_names(inventory, source, reader))
    for id_, note in notes(text).items():
        if id_ in wanted:
            yield KeyDate(file=source.name, id=id_, added=note.added)
