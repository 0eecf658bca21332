"""The use of keys that the servers of a site have counted, as a table, and the keys that nobody uses. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from provision.common.text import aligned
from provision.keys import Keys
from provision.keys.note import Note
from provision.output.key_usage import KeyUsage, KeyUse

HEAD = ("id", "type", "last answered", "answers", "by")
MOST_APART = timedelta(hours=1)
"""The most by which the clocks of a server and of this machine may differ; to ask many servers takes minutes."""
MOST_ADDRESSES = 3
"""The addresses of a key that the table shows; of further ones, it shows the number."""
MOST_IN_LINE = 20
"""The same for the line of a key that stays."""
NEVER = "never"
NOT_KNOWN = "not known"
"""In place of NEVER for a key without counts, if one of the servers does not count."""


def usage_lines(
    keys: Keys, notes: Mapping[int, Note], usages: Mapping[str, KeyUsage], *, addresses: bool = False
) -> Iterator[str]:
    """Yield a table of the keys of a file with their use by ``usages``, by server, and since when each server counts.

    A key without counts was "never" answered only if all servers count. ``addresses``: with a column for those of the
    clients.
    """
    found = _uses_by_id(usages)
    without_counts = (NOT_KNOWN, "-", "-")
    if all(usage.since is not None for usage in usages.values()):
        without_counts = (NEVER, "0", "-")
    rows = [[*HEAD, *(["from"] if addresses else []), "label"]]
    for key in keys:
        note = notes.get(key.id)
        uses = found.get(key.id, {})
        row = [str(key.id), key.type, *(_counted(uses) if uses else without_counts)]
        if addresses:
            row.append(_addresses(uses.values()))
        row.append(note.label if note else "")
        rows.append(row)
    yield from aligned(rows)
    for server, usage in usages.items():
        yield f"{server}: {_state(usage)}"
    if other_ids := sorted(found.keys() - set(keys.ids)):
        yield f"answered, and not in this file: {', '.join(map(str, other_ids))}"


def _addresses(uses: Collection[KeyUse], most: int = MOST_ADDRESSES) -> str:
    """Return the addresses of the clients of a key for people."""
    every = sorted({address for use in uses for address in use.addresses or ()})
    if uses and not every:
        # nft is too old, or the server was booted since.
        return NOT_KNOWN
    if len(every) > most:
        return f"{', '.join(every[:most])} and {len(every) - most} more"
    return ", ".join(every) or "-"


def _counted(uses: Mapping[str, KeyUse]) -> tuple[str, str, str]:
    """Return when a key was last answered, how often, and by which servers; ``uses``: by server, at least one."""
    last = _minute(max(use.at for use in uses.values()))
    answers = sum(use.answers for use in uses.values())
    return last, str(answers), ", ".join(f"{server} {use.answers}" for server, use in uses.items())


def _uses_by_id(usages: Mapping[str, KeyUsage]) -> dict[int, dict[str, KeyUse]]:
    found: dict[int, dict[str, KeyUse]] = {}
    for server, usage in usages.items():
        for use in usage.keys:
            found.setdefault(use.id, {})[server] = use
    return found


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")


def _state(usage: KeyUsage) -> str:
    if usage.since is None:
        return f"not known: {usage.unknown}"
    return f"counted since {_minute(datetime.fromisoformat(usage.since))} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """The keys that nobody has used for some time, and the others."""

    ids: tuple[int, ...]
    """The ids of the keys that no server has answered for that time."""
    stay: tuple[str, ...]
    """The other keys with their labels, and why they stay, in words."""


def unused(
    ids: Iterable[int],
    notes: Mapping[int, Note],
    usages: Mapping[str, KeyUsage],
    period: timedelta,
    now: datetime,
    *,
    addresses: bool = False,
) -> Unused:
    """Return which keys no server has answered for a time. ``usages``: of all servers, none of which is unknown.

    ``addresses``: the reason why a key stays names the addresses from which it was used.
    """
    begin = now - period
    found = _uses_by_id(usages)
    gone: list[int] = []
    stay: list[str] = []
    for id_ in ids:
        note = notes.get(id_)
        recent = {server: use for server, use in found.get(id_, {}).items() if use.at > begin}
        if recent:
            when = ", ".join(f"{server} {_minute(use.at)}" for server, use in recent.items())
            asked_from = ""
            if addresses:
                asked_from = f", asked from: {_addresses(recent.values(), most=MOST_IN_LINE)}"
            stay.append(f"{_named(id_, note)}: answered by {when} UTC{asked_from}")
        elif note is not None and note.added >= begin.date():
            stay.append(f"{_named(id_, note)}: added on {note.added}")
        else:
            gone.append(id_)
    return Unused(ids=tuple(gone), stay=tuple(stay))


def _named(id_: int, note: Note | None) -> str:
    if note is None or not note.label:
        return f"key {id_}"
    return f"key {id_} '{note.label}'"


def not_counted(usages: Mapping[str, KeyUsage], now: datetime) -> str:
    """Return which servers do not count the use of keys, or have a wrong clock, in words; empty if there are none."""
    return _in_words({server: _not_counted(usage, now) for server, usage in usages.items()})


def counted_too_short(usages: Mapping[str, KeyUsage], period: timedelta, now: datetime) -> str:
    """Return which servers have counted the use of keys for less than a period, in words; empty if there are none."""
    reasons: dict[str, str] = {}
    for server, usage in usages.items():
        if usage.since is not None and datetime.fromisoformat(usage.since) > now - period:
            reasons[server] = f"only {_state(usage)}"
    return _in_words(reasons)


def _not_counted(usage: KeyUsage, now: datetime) -> str:
    if usage.since is None or usage.as_of is None:
        return _state(usage)
    as_of = datetime.fromisoformat(usage.as_of)
    if abs(as_of - now) > MOST_APART:
        # Its times cannot be compared with the begin of the period.
        return f"its clock says {_minute(as_of)} UTC, and the one of this machine {_minute(now)} UTC"
    return ""


def _in_words(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{server}: {why}" for server, why in reasons.items() if why)
