"""Name the difference of two sets of keys by their ids and types, without any secret."""

from collections.abc import Collection, Iterator

from provision.keys import Key, Keys
from provision.keys.ledger import in_words


def key_changes(there: Keys | None, wanted: Keys) -> str:
    """Return words such as ``keys 2-4 added (AES128), key 1 removed (SHA1)``; empty if no key differs."""
    return ", ".join(_changes(there, wanted))


def _changes(there: Keys | None, wanted: Keys) -> Iterator[str]:
    old: dict[int, Key] = {}
    if there is not None:
        old = {key.id: key for key in there}
    new = {key.id: key for key in wanted}
    added = [key for key in wanted if key.id not in old]
    changed = [key for key in wanted if key.id in old and key != old[key.id]]
    removed = [key for key in old.values() if key.id not in new]
    for what, keys in (("added", added), ("changed", changed), ("removed", removed)):
        if keys:
            ids = sorted(key.id for key in keys)
            yield f"{in_words(ids)} {what} ({_types(keys)})"


def _types(keys: Collection[Key]) -> str:
    return ", ".join(dict.fromkeys(key.type for key in keys))
