"""Name the difference of two sets of keys by their ids and types, without any secret."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from provision.common.text import MINUS
from provision.keys import Key, Keys
from provision.keys.ledger import in_words, ranges


@dataclass(frozen=True, slots=True)
class KeyDifference:
    """The keys that differ between two sets."""

    added: tuple[Key, ...]
    changed: tuple[Key, ...]
    """Those with the same id and another type or secret, as they are wanted."""
    removed: tuple[Key, ...]

    @property
    def in_ids(self) -> str:
        """Return the ids with signs, such as ``+ 15   ~ 7``; empty if no key differs."""
        named = (("+", self.added), ("~", self.changed), (MINUS, self.removed))
        return "   ".join(f"{sign} {ranges(_ids(keys))}" for sign, keys in named if keys)


def key_difference(there: Keys | None, wanted: Keys) -> KeyDifference:
    """Return the keys that differ; ``there`` are those of a host, None if it has none."""
    old: dict[int, Key] = {}
    if there is not None:
        old = {key.id: key for key in there}
    new = {key.id for key in wanted}
    return KeyDifference(
        added=tuple(key for key in wanted if key.id not in old),
        changed=tuple(key for key in wanted if key.id in old and key != old[key.id]),
        removed=tuple(key for key in old.values() if key.id not in new),
    )


def key_changes(there: Keys | None, wanted: Keys) -> str:
    """Return words such as ``keys 2-4 added (AES128), key 1 removed (SHA1)``; empty if no key differs."""
    return ", ".join(_changes(there, wanted))


def _changes(there: Keys | None, wanted: Keys) -> Iterator[str]:
    found = key_difference(there, wanted)
    for what, keys in (("added", found.added), ("changed", found.changed), ("removed", found.removed)):
        if keys:
            yield f"{in_words(_ids(keys))} {what} ({_types(keys)})"


def _ids(keys: Collection[Key]) -> list[int]:
    return sorted(key.id for key in keys)


def _types(keys: Collection[Key]) -> str:
    return ", ".join(dict.fromkeys(key.type for key in keys))
