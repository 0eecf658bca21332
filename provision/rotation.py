"""One key takes the place of another, on all hosts that ask with it, and time is authenticated throughout.

The key file itself says how far it is, so that it can be stopped at any point and go on:

1. The new key stands in the file, with a note that it is for hosts instead of the old one. Hosts get both; servers
   before those that follow them, which from then on ask with the new one.
2. No host asks with the old key any more: it is taken out of the file. Hosts lose it.
3. No host has it any more: the note says that the key is for hosts, and no more.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from provision.chronyc import Association
from provision.command import Command
from provision.deploy import deploy
from provision.errors import SiteError
from provision.following import followed, in_order
from provision.key_source import KeySource, source_of
from provision.key_use import users
from provision.keys import key_id, make_key, parse_keys
from provision.keys.ledger import in_words, notes, with_keys, with_note, without_keys
from provision.keys.note import Note
from provision.report import Report, exit_status
from provision.roster import Roster

MOST_DAYS = 3650
AGAIN = "the same line goes on from here"


@dataclass(frozen=True, slots=True)
class Rotation:
    """A key that takes the place of another."""

    new: int
    old: int
    note: Note
    has_old: bool
    """The old key stands in the file still."""

    def __str__(self) -> str:
        return f"key {self.new} takes the place of key {self.old}"

    def stays_until(self, days: int) -> date:
        """Return until when the old key stays, for those that this tool does not manage."""
        return self.note.added + timedelta(days=days)


def under_way(text: str, origin: str) -> Rotation | None:
    """Return what a key file says; ``origin`` is what an error calls it. Raises SiteError when it says two things."""
    found = [(id_, note) for id_, note in notes(text).items() if note.instead_of is not None]
    if len(found) > 1:
        raise SiteError(f"{in_words([id_ for id_, _ in found])}: each takes another's place: finish one by hand first")
    ids = parse_keys(text, origin).ids if found else ()
    return next((Rotation(id_, note.instead_of or 0, note, note.instead_of in ids) for id_, note in found), None)


def choose_old(users: Mapping[int, Collection[str]], named: Mapping[str, Collection[int]], wanted: int | None) -> int:
    """Return the key that is to go; ``users`` are the hosts that ask with each, ``named`` what a host's own lines say.

    Raises SiteError when no host asks with it, when it is not clear which is meant, and when a host would go on asking
    with it.
    """
    if wanted is not None and wanted not in users:
        raise SiteError(f"--id {wanted}: no host of the site asks with this key; for devices: keys.add and keys.retire")
    if wanted is None and len(users) != 1:
        which = f"hosts ask with {in_words(sorted(users))}: say which with --id" if users else "no host asks with a key"
        raise SiteError(f"{which}; a rotation is about a key with which hosts of the site follow others")
    old = wanted if wanted is not None else next(iter(users))
    if stubborn := [name for name, ids in named.items() if old in ids]:
        raise SiteError(
            f"{', '.join(stubborn)}: the site names key {old} there (keys.use, or key of a source); leave it out, so "
            "that they ask with the key that takes its place"
        )
    return old


def begin(source: KeySource, old: int, *, type_: str | None, today: date) -> Rotation:
    """Put a new key into the file. Raises SiteError."""
    begun: list[Rotation] = []

    def edit(text: str | None) -> str:
        keys = parse_keys(text or "", source.name)
        if (other := under_way(text or "", source.name)) is not None:
            raise SiteError(f"{source.name}: {other}, by now; the same line goes on with that")
        known = {key.id: key for key in keys}
        if old not in known:
            raise SiteError(f"{source.name}: there is no key {old}")
        new = make_key(max(known) + 1, type_ or known[old].type)
        label = known_label(text or "", old)
        note = Note(today, label, for_hosts=True, instead_of=old)
        begun.append(Rotation(new.id, old, note, has_old=True))
        return with_keys(text or "", [new], note)

    source.change(edit)
    return begun[0]


def known_label(text: str, id_: int) -> str:
    """Return what a key is for."""
    note = notes(text).get(id_)
    return note.label if note else ""


def retire_old(source: KeySource, rotation: Rotation) -> None:
    """Take the old key out of the file."""
    source.change(lambda text: without_keys(text or "", {rotation.old}))


def finish(source: KeySource, rotation: Rotation) -> None:
    """Leave the note that the key is for hosts: they go on asking with it, whatever other keys there are."""
    source.change(lambda text: with_note(text or "", rotation.new, replace(rotation.note, instead_of=None)))


def still_asking(reports: Collection[Report], hosts: Collection[str], rotation: Rotation) -> list[str]:
    """Return those of these hosts that were not seen to be answered with the new key, and nowhere ask with the old."""
    asked = {report.host: report.sources for report in reports}
    return [name for name in hosts if not _asks_with_new(asked.get(name, ()), rotation)]


def _asks_with_new(sources: Collection[Association], rotation: Rotation) -> bool:
    keyed = [source for source in sources if source.key in {rotation.old, rotation.new}]
    return bool(keyed) and all(source.key == rotation.new and source.authenticated for source in keyed)


def check_hosts(roster: Roster, source: KeySource, hosts: Collection[str]) -> None:
    """Refuse a rotation that could not come to its end for these hosts. Raises SiteError."""
    number = {member.name: number for number, member in enumerate(in_order(roster, roster.members))}
    for member in roster.members:
        if member.name not in hosts:
            continue
        for other in (member, *followed(roster, member)):
            if source_of(other.site) != source:
                raise SiteError(
                    f"{member.name} asks with a key of {source.name}, and {other.name} has its keys from "
                    f"{source_of(other.site).name}: a rotation is about one key file; put the new key into both by hand"
                )
            if number[other.name] > number[member.name]:
                raise SiteError(
                    f"{member.name} and {other.name} follow each other, so neither can have a new key first: "
                    "add it by hand, deploy, and then let them use it (keys.use)"
                )


@dataclass(frozen=True, slots=True)
class Rotating:
    """The hosts, where their keys come from, and the options of the deployments."""

    roster: Roster
    source: KeySource
    given: Mapping[str, Any]

    def run(self, *, id: str, type_: str, overlap: str, today: date) -> int:  # noqa: A002 -- as in the key file
        """Go on with what is under way, or begin; return the exit status. Raises SiteError."""
        days = _days(overlap)
        if not self.roster.members:
            raise SiteError(f"{self.roster.file} has no hosts, and a rotation is about those of a site")
        rotation = under_way(self.source.text() or "", self.source.name)
        if rotation is None:
            using = users(self.roster, self.source)
            old = choose_old(using, self._named(), key_id(id) if id else None)
            check_hosts(self.roster, self.source, using[old])
            rotation = begin(self.source, old, type_=type_ or None, today=today)
        elif id and key_id(id) != rotation.old:
            raise SiteError(f"--id {id}: {rotation}, and that is under way; finish it first, without --id")
        print(f"{rotation}, in {self.source.name}", flush=True)
        return self._replace(rotation, days, today) if rotation.has_old else self._forget(rotation)

    def _replace(self, rotation: Rotation, days: int, today: date) -> int:
        """Have all hosts ask with the new key; then take the old one out, if it is time."""
        status = self._deploy(rotation)
        if status != 0:
            return status
        if today < (until := rotation.stays_until(days)):
            print(
                f"hosts ask with key {rotation.new}; key {rotation.old} stays until {until}: then {AGAIN}", flush=True
            )
            return 0
        retire_old(self.source, rotation)
        print(f"hosts ask with key {rotation.new}; key {rotation.old} was taken out of {self.source.name}", flush=True)
        return self._forget(rotation)

    def _forget(self, rotation: Rotation) -> int:
        """Have all hosts lose the old key."""
        status = self._deploy(rotation)
        if status == 0:
            finish(self.source, rotation)
            print(f"key {rotation.old} is gone from all hosts; devices that had it need another one", flush=True)
        return status

    def _deploy(self, rotation: Rotation) -> int:
        """Deploy all hosts; they are as they should be only if they ask with the new key, and are answered."""
        everything = {
            "host": [],
            "limit": [],
            "exclude": [],
            "json": "",
            "retry": False,
            "max_failures": "",
        }
        reports = Command(task="keys.rotate", story=deploy, rolling=True).run({**everything, **self.given})
        status = exit_status(reports)
        hosts = users(self.roster, self.source).get(rotation.new, ())
        waiting = still_asking(reports, hosts, rotation) if status == 0 else []
        if waiting:
            print(f"not answered with key {rotation.new} yet: {', '.join(waiting)}", flush=True)
        if status != 0 or waiting:
            print(f"{rotation}: not done; {AGAIN}", flush=True)
        return status or int(bool(waiting))

    def _named(self) -> Mapping[str, frozenset[int]]:
        """Return which keys the site itself names, for each host."""
        return {
            member.name: member.site.named_keys | ({member.site.keys.use} if member.site.keys.use else set())
            for member in self.roster.members
            if source_of(member.site) == self.source
        }


def _days(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(MOST_DAYS)) or int(text) > MOST_DAYS:
        raise SiteError(f"--overlap {text}: say how many days, from 0 to {MOST_DAYS}")
    return int(text)
