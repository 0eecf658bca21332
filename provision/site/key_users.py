"""Find the key source of a request and the hosts that use each key, and change keys accordingly."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from msgspec.structs import replace

from provision.common.errors import SiteError
from provision.host.target import Target
from provision.keys import Key, Keys, keys_by_line, parse_keys
from provision.keys.ledger import Addition, in_words, ranges, with_keys, without_keys
from provision.keys.reader import KeyReader
from provision.keys.source import KeySource
from provision.keys.state import Replacement, fitted, is_in
from provision.site.inventory import Inventory
from provision.site.key_source import source_of
from provision.site.upstreams import CommonKeys, asked_with_key

EVERY_HOST = "every host"
"""The users of a key if the site lists no hosts."""


def sources(inventory: Inventory) -> tuple[KeySource, ...]:
    """Return the key sources of the hosts of a site, or of a site without hosts, each once."""
    sites = [member.site for member in inventory.members] or [inventory.defaults]
    return tuple(dict.fromkeys(source_of(site) for site in sites))


def choose_source(inventory: Inventory, hosts: Iterable[str]) -> KeySource:
    """Return the key source of the site or of these hosts and groups. Raises SiteError if there are several."""
    wanted = tuple(hosts)
    if not inventory.members:
        if wanted:
            raise SiteError(f"--host is for the hosts of a site, and {inventory.file} has none")
        return source_of(inventory.defaults)
    found: dict[KeySource, list[str]] = defaultdict(list)
    for member in inventory.choose(wanted):
        found[source_of(member.site)].append(member.name)
    if len(found) > 1:
        several = "; ".join(f"{source.name}: {', '.join(names)}" for source, names in found.items())
        raise SiteError(f"{inventory.file}: not all hosts have the same keys: say --host NAME or GROUP ({several})")
    return next(iter(found))


def users(inventory: Inventory, source: KeySource, reader: KeyReader) -> Mapping[int, tuple[Target, ...]]:
    """Return the hosts of a site that send requests with each key of this source, by its id. Raises SiteError."""
    common = CommonKeys(inventory, reader)
    found: dict[int, list[Target]] = defaultdict(list)
    for member in inventory.members:
        if source_of(member.site) == source:
            for id_ in member.site.named_keys:
                found[id_].append(member.target)
        for server in asked_with_key(inventory, member):
            # Two files may contain the same key: it is used in both.
            if source in {source_of(member.site), source_of(server.site)}:
                found[common.id_for(member, server)].append(member.target)
    return {id_: tuple(dict.fromkeys(targets)) for id_, targets in found.items()}


def user_names(inventory: Inventory, source: KeySource, reader: KeyReader) -> Mapping[int, tuple[str, ...]]:
    """Return the users of each key for a reader: also without hosts in the site file. Raises SiteError."""
    if not inventory.members:
        return dict.fromkeys(inventory.defaults.named_keys, (EVERY_HOST,))
    return {id_: tuple(map(str, targets)) for id_, targets in users(inventory, source, reader).items()}


def add(reader: KeyReader, source: KeySource, addition: Addition) -> tuple[Key, ...]:
    """Add all keys to the source, or none. Raises SiteError."""
    added: list[Key] = []

    def edit(text: str | None) -> str:
        taken: Collection[int] = ()
        # Keys may be added to a file that contains only comments.
        if text and any(keys_by_line(text)):
            taken = parse_keys(text, source.name).ids
        added.extend(addition.keys(taken, source.name))
        return with_keys(text or "", added, addition.note)

    reader.change(source, edit)
    return tuple(added)


def retire(reader: KeyReader, source: KeySource, ids: Collection[int], used: Mapping[int, tuple[str, ...]]) -> None:
    """Remove all keys ``ids``, or none. Raises SiteError if a host uses one, or if no key would be left."""
    if busy := sorted(used.keys() & set(ids)):
        names = tuple(dict.fromkeys(name for id_ in busy for name in used[id_]))
        raise SiteError(
            f"{in_words(busy)}: used by {', '.join(names)}: let them ask with another key first (keys.use, or key "
            "of a server in the site), and deploy them"
        )

    read = reader.read(source)
    selected = {key.id: key for key in read[1]} if read else {}

    def edit(text: str | None) -> str:
        keys = parse_keys(text or "", source.name)
        # The ids were selected before the lock was acquired, and with --unused-for servers were asked in between.
        if gone := set(ids).difference(keys.ids):
            raise SiteError(f"{source.name}: there is no key {ranges(sorted(gone))}")
        if other := [key.id for key in keys if key.id in ids and key != selected.get(key.id)]:
            raise SiteError(f"{source.name}: {in_words(sorted(other))}: replaced by another meanwhile; run it again")
        state = fitted(source.state(), keys, source.name)
        if moving := _moving(state.rotation, keys) & set(ids):
            raise SiteError(f"{in_words(sorted(moving))}: a rotation is under way; inv keys.rotate finishes it")
        if len(set(ids)) == len(keys):
            raise SiteError(f"{source.name}: no key would be left; add one first: inv keys.add")
        if state.hosts is not None and state.hosts.id in ids:
            # No host uses it any more; a state that named it would not fit the file.
            reader.change_state(source, lambda state: replace(state, hosts=None))
        return without_keys(text or "", set(ids))

    reader.change(source, edit, backup=True)


def _moving(rotation: Replacement | None, keys: Keys) -> set[int]:
    """Return the ids of the keys of a rotation that are in the file; the old one may be gone, and its id reused."""
    if rotation is None:
        return set()
    return {one.id for one in (rotation.new, rotation.old) if is_in(one, keys)}
