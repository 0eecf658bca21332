"""Say in advance what a rotation will do: to which keys, in which files, on which hosts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

MOST_NAMES = 20
"""Hosts that are named; a site may have 10,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Hold what decides about the remaining steps of a rotation."""

    file: str
    """The key file."""
    real_file: str
    """The key file without symbolic links; its state and the backup are beside it."""
    new: str
    """``key 2 (AES128)``"""
    old: str
    label: str
    """The label of the old key."""
    servers: Sequence[str]
    """Hosts that answer requests with the keys of the file."""
    clients: Sequence[str]
    """Hosts that send requests with the old key, or with the new one by now."""
    is_begun: bool
    has_old: bool
    removed_by_hand: bool
    until: date | None
    """The day until which the old key stays; None if it is removed in the same run."""
    overlap: int
    """The days of ``--overlap``; 0 if it was not given."""
    unused_for: timedelta | None = None
    """The time of ``--unused-for``: the old key stays if a server has answered it in that time."""


def lines(preview: Preview) -> Iterator[str]:
    """Yield a heading, the steps that remain, and whom the end of the old key affects."""
    label = ""
    if preview.label:
        label = f", {preview.label!r}"
    yield f"{preview.file}: {preview.new} replaces {preview.old}{label}"
    servers, clients = names(preview.servers), names(preview.clients)
    if not preview.is_begun:
        yield f"  1  add {preview.new} to the file, and record the rotation in {preview.real_file}.state"
    if preview.has_old:
        yield f"  2  deploy all hosts: {servers} will answer both keys, then {clients} will ask with {preview.new}"
        yield f"  3  {_removal(preview)}; the file as it was is kept in {preview.real_file}.bak"
    if preview.removed_by_hand:
        yield (
            f"  {preview.old} was removed from the file by hand: a host that still asks with it is not answered until "
            "it is deployed"
        )
    yield f"  4  deploy all hosts: {servers} will not answer {preview.old} any more"
    other_way = ""
    if preview.has_old and preview.overlap == 0 and preview.unused_for is None:
        other_way = ", or let it stay with --overlap DAYS"
    yield (
        f"devices and other clients with {preview.old} get no time after step 4: give them another key first{other_way}"
    )


def _removal(preview: Preview) -> str:
    removal = f"remove {preview.old} from the file"
    if preview.until is not None:
        removal = f"on {preview.until} or later, when the same command is run again: {removal}"
    if preview.unused_for is not None:
        removal += f", if no server has answered it for {_in_words(preview.unused_for)}; else it stays"
    return removal


def _in_words(span: timedelta) -> str:
    """Return a number of days, or of hours where these are no whole days."""
    hours = span // timedelta(hours=1)
    number, unit = (hours, "hour") if hours % 24 else (span.days, "day")
    return f"{number} {unit}{'s' * (number != 1)}"


def names(hosts: Sequence[str]) -> str:
    """Return the names of hosts, the first of them if there are many."""
    if not hosts:
        return "no host"
    shown = ", ".join(hosts[:MOST_NAMES])
    more = len(hosts) - MOST_NAMES
    if more > 0:
        return f"{shown} and {more} more"
    return shown
