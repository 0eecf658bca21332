"""Replace a key by a new one on all hosts that use it; time stays authenticated throughout.

The state of the key file records the progress, so that a rotation can be interrupted at any point and continued:

1. The new key is added to the file. All hosts receive both keys, servers before their clients, which use the new key
   from then on.
2. When no host uses the old key any more, it is removed from the file and from the hosts.
3. When no host has the old key any more, the state says that hosts use the new key.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from dataclasses import replace as replaced
from datetime import date, timedelta

from msgspec.structs import replace

from provision.chrony.chronyc.associations import Association
from provision.common.errors import SiteError
from provision.host.target import Target
from provision.keys import MAX_ID, Keys, make_key, parse_keys
from provision.keys.ledger import in_words, notes, with_keys, without_keys
from provision.keys.note import Note
from provision.keys.reader import KeyReader
from provision.keys.source import KeySource
from provision.keys.state import Named, Replacement, Stage, State, fitted, is_in
from provision.output.report import Report
from provision.site.inventory import Inventory
from provision.site.key_source import source_of
from provision.site.upstreams import asked_with_key, in_order

AGAIN = "run the same command again to continue"


class RotationEnded(SiteError):  # noqa: N818 -- what happened, in the past tense
    """The state has no rotation any more, or another one: the same command again would begin a new one."""

    def __init__(self) -> None:
        super().__init__("the rotation was ended meanwhile, by another run or by hand")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A key that replaces another; both by id."""

    new: int
    old: int
    begun: date
    stage: Stage
    has_old: bool
    """Whether the old key is still in the file."""
    names: tuple[Named, Named] | None = None
    """The new and the old key with their fingerprints; None if the rotation has not begun."""

    def __str__(self) -> str:
        return f"key {self.new} replaces key {self.old}"

    def stays_until(self, days: int) -> date:
        """Return the day until which the old key stays in the file, for clients that this tool does not manage."""
        return self.begun + timedelta(days=days)


def under_way(state: State, keys: Keys, origin: str) -> Rotation | None:
    """Return the rotation that the state of a key file records, or None. Raises SiteError if they do not fit.

    ``origin`` is the path of the key file.
    """
    found = fitted(state, keys, origin).rotation
    if found is None:
        return None
    has_old = is_in(found.old, keys)
    return _recorded(found, has_old=has_old)


def _recorded(found: Replacement, *, has_old: bool) -> Rotation:
    return Rotation(
        new=found.new.id,
        old=found.old.id,
        begun=found.begun,
        stage=found.stage,
        has_old=has_old,
        names=(found.new, found.old),
    )


def choose_old(
    users: Mapping[int, Collection[Target]], named: Mapping[Target, Collection[int]], wanted: int | None
) -> int:
    """Return the id of the key to be replaced: ``wanted``, or the only one that hosts use.

    ``users``: the hosts that use each key. ``named``: the keys that the site file sets explicitly for each host. Raises
    SiteError if no host uses the key, if there are several to choose from, or if a host would continue to use it.
    """
    if wanted is not None and wanted not in users:
        raise SiteError(f"--id {wanted}: no host of the site uses this key; for devices: keys.add and keys.retire")
    old = wanted
    if old is None:
        old = _only_one(users)
    refuse_named(named, old)
    return old


def refuse_named(named: Mapping[Target, Collection[int]], old: int) -> None:
    """Raise SiteError if the site file sets the old key explicitly for a host, which would continue to use it."""
    if stubborn := [str(target) for target, ids in named.items() if old in ids]:
        raise SiteError(
            f"{', '.join(stubborn)}: the site names key {old} there (keys.use, or key of a source); leave it out, so "
            "that they ask with the key that takes its place"
        )


def next_id(keys: Keys, origin: str) -> int:
    """Return the id of the new key. Raises SiteError if there is none; ``origin`` is the path of the key file."""
    highest = max(keys.ids)
    if highest == MAX_ID:
        raise SiteError(
            f"{origin}: key {highest} has the highest id that is possible, and the new key gets a higher one than all "
            "others: give that key another id first"
        )
    return highest + 1


def begin(reader: KeyReader, source: KeySource, old: int, new: int, *, type_: str | None, today: date) -> Rotation:
    """Add the key ``new`` to the file, and record that it replaces ``old``. Raises SiteError."""

    begun: list[Replacement] = []

    def edit(text: str | None) -> str:
        keys = parse_keys(text or "", source.name)
        if (other := under_way(source.state(), keys, source.name)) is not None:
            raise SiteError(f"{source.name}: a rotation is in progress by now: {other}; {AGAIN}")
        known = {key.id: key for key in keys}
        if old not in known:
            raise SiteError(f"{source.name}: there is no key {old}")
        if new in known:
            raise SiteError(f"{source.name}: there is a key {new} by now: {AGAIN}")
        key = make_key(new, type_ or known[old].type)
        started = Replacement(new=Named.of(key), old=Named.of(known[old]), begun=today, stage="adding")
        begun.append(started)
        # Before the key: a state without its key is ignored, a key without its state would be a device's.
        reader.change_state(source, lambda state: replace(state, rotation=started))
        label = known_label(text or "", old) or f"hosts, instead of key {old}"
        return with_keys(text or "", [key], Note(today, label))

    reader.change(source, edit)
    rotation = _recorded(begun[0], has_old=True)
    set_stage(reader, source, rotation, "replacing")
    return replaced(rotation, stage="replacing")


def set_stage(reader: KeyReader, source: KeySource, rotation: Rotation, stage: Stage) -> None:
    """Record how far the rotation is. Raises SiteError, also if the state has no rotation, or another one."""

    def edit(state: State) -> State:
        return replace(state, rotation=replace(_same(state, rotation), stage=stage))

    reader.change_state(source, edit)


def _same(state: State, rotation: Rotation) -> Replacement:
    """Return this rotation as the state has it. Raises RotationEnded if it has none, or another one."""
    found = state.rotation
    if found is None or (found.new, found.old) != rotation.names:
        raise RotationEnded
    return found


def _only_one(users: Mapping[int, Collection[Target]]) -> int:
    """Return the id of the only key that hosts use. Raises SiteError if there is none, or more than one."""
    if len(users) == 1:
        return next(iter(users))
    which = "no host asks with a key"
    if users:
        which = f"hosts use {in_words(sorted(users))}: say which with --id"
    raise SiteError(f"{which}; a rotation is about a key with which hosts of the site follow others")


def known_label(text: str, id_: int) -> str:
    """Return the label in the note of a key; empty if there is none."""
    note = notes(text).get(id_)
    if note is None:
        return ""
    return note.label


def retire_old(reader: KeyReader, source: KeySource, rotation: Rotation) -> None:
    """Remove the old key from the file; the file as it was is kept beside it.

    Raises SiteError, also if the state has no rotation, or another one.
    """
    set_stage(reader, source, rotation, "removing")

    def edit(text: str | None) -> str:
        keys = parse_keys(text or "", source.name)
        # Another run may have removed it meanwhile, and another key may have its id.
        if rotation.names is None or not is_in(rotation.names[1], keys):
            return text or ""
        return without_keys(text or "", {rotation.old})

    reader.change(source, edit, backup=True)


def finish(reader: KeyReader, source: KeySource, rotation: Rotation) -> None:
    """End the rotation: hosts continue to use the new key, regardless of other keys.

    Nothing happens if another run has ended it. Raises SiteError, also if the state has another rotation, or none.
    """

    def edit(state: State) -> State:
        if state.rotation is None and rotation.names is not None and state.hosts == rotation.names[0]:
            return state
        return State(hosts=_same(state, rotation).new)

    reader.change_state(source, edit)


def not_yet_rotated(reports: Collection[Report], hosts: Mapping[Target, Keys], rotation: Rotation) -> list[Target]:
    """Return the hosts that still use the old key, or for which no valid answer with the new one was seen.

    ``hosts``: the keys that each host was deployed with. A host names the key of a source by its id alone; in a key
    file of its own, or after the old key is gone, another key may have the id.
    """
    sources = {report.host: report.sources or () for report in reports}
    return [target for target, keys in hosts.items() if not _asks_with_new(sources.get(target, ()), keys, rotation)]


def _asks_with_new(sources: Collection[Association], keys: Keys, rotation: Rotation) -> bool:
    ids = {named.id for named in rotation.names or () if is_in(named, keys)}
    keyed = [source for source in sources if source.key in ids]
    return bool(keyed) and all(source.key == rotation.new and source.authenticated for source in keyed)


def check_hosts(inventory: Inventory, source: KeySource, hosts: Collection[Target]) -> None:
    """Raise SiteError if the rotation could not be completed for these hosts."""
    number = {member.name: number for number, member in enumerate(in_order(inventory, inventory.members))}
    for member in inventory.members:
        if member.target not in hosts:
            continue
        for other in (member, *asked_with_key(inventory, member)):
            if source_of(other.site) != source:
                whose = f"{other.name} has its keys"
                if other is member:
                    whose = "has its own keys"
                raise SiteError(
                    f"{member.name} asks with a key of {source.name}, and {whose} from {source_of(other.site).name}: "
                    "a rotation is about one key file; put the new key into both by hand"
                )
            if number[other.name] > number[member.name]:
                raise SiteError(
                    f"{member.name} and {other.name} follow each other, so neither can have a new key first: "
                    "add it by hand, deploy, and then let them use it (keys.use)"
                )
