"""The keys of a site: which source of them is meant, which hosts ask with which key, and changes that heed both."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache

from provision.errors import SiteError
from provision.following import common_key, followed
from provision.key_source import KeySource, read_keys, source_of
from provision.keys import Key, Keys, keys_by_line, parse_keys
from provision.keys.ledger import Addition, in_words, notes, ranges, with_keys, without_keys
from provision.roster import Member, Roster

EVERY_HOST = "every host"
"""Who uses a key, where the site names no hosts."""


def choose_source(roster: Roster, hosts: Iterable[str]) -> KeySource:
    """Return the keys of the site, or of these hosts and groups of it. Raises SiteError when these are several."""
    wanted = tuple(hosts)
    if not roster.members:
        if wanted:
            raise SiteError(f"--host is for the hosts of a site, and {roster.file} has none")
        return source_of(roster.defaults)
    found: dict[KeySource, list[str]] = defaultdict(list)
    for member in roster.choose(wanted):
        found[source_of(member.site)].append(member.name)
    if len(found) > 1:
        several = "; ".join(f"{source.name}: {', '.join(names)}" for source, names in found.items())
        raise SiteError(f"{roster.file}: not all hosts have the same keys: say --host NAME or GROUP ({several})")
    return next(iter(found))


def users(roster: Roster, source: KeySource) -> Mapping[int, tuple[str, ...]]:
    """Return the hosts that ask with a key of this source, or are asked with it, by its id. Raises SiteError."""
    read = cache(read_keys)

    def keys_of(member: Member) -> tuple[str, Keys | None]:
        return source_of(member.site).name, read(source_of(member.site))

    found: dict[int, list[str]] = defaultdict(list)
    for member in roster.members:
        if source_of(member.site) == source:
            for id_ in member.site.named_keys:
                found[id_].append(member.name)
        for server in followed(roster, member):
            # Two files may have one key: it is used in both.
            if source in {source_of(member.site), source_of(server.site)}:
                found[common_key(roster, member, server, keys_of)].append(member.name)
    if not roster.members:
        found |= {id_: [EVERY_HOST] for id_ in roster.defaults.named_keys}
    return {id_: tuple(dict.fromkeys(names)) for id_, names in found.items()}


def add(source: KeySource, addition: Addition) -> tuple[Key, ...]:
    """Add keys to what is there; all of them or none. Raises SiteError."""
    added: list[Key] = []

    def edit(text: str | None) -> str:
        # A file of comments alone is one to which keys may be added.
        taken = parse_keys(text, source.name).ids if text and any(keys_by_line(text)) else ()
        added.extend(addition.keys(taken, source.name))
        return with_keys(text or "", added, addition.note)

    source.change(edit)
    return tuple(added)


def retire(source: KeySource, ids: Collection[int], used: Mapping[int, tuple[str, ...]]) -> None:
    """Remove keys; all of them or none. Raises SiteError when a host uses one, or none would be left."""
    if busy := sorted(used.keys() & set(ids)):
        names = tuple(dict.fromkeys(name for id_ in busy for name in used[id_]))
        raise SiteError(
            f"{in_words(busy)}: used by {', '.join(names)}: let them ask with another key first (keys.use, or key "
            "of a server in the site), and deploy them"
        )

    def edit(text: str | None) -> str:
        keys = parse_keys(text or "", source.name)
        # They were chosen before the lock was ours.
        if gone := set(ids).difference(keys.ids):
            raise SiteError(f"{source.name}: there is no key {ranges(sorted(gone))}")
        if moving := keys.leaving.union(id_ for id_, note in notes(text or "").items() if note.instead_of) & set(ids):
            raise SiteError(f"{in_words(sorted(moving))}: a rotation is under way; inv keys.rotate finishes it")
        if len(set(ids)) == len(keys):
            raise SiteError(f"{source.name}: no key would be left; add one first: inv keys.add")
        return without_keys(text or "", set(ids))

    source.change(edit)
