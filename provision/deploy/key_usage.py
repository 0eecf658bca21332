"""Read from one host which keys its chronyd has answered.

``key_usage.sh`` counts in the kernel the answers with a MAC, by the key id in them.
"""

import re
from datetime import UTC, datetime

from provision.common.errors import ParseError, understood
from provision.deploy.run import Run
from provision.host import scripts
from provision.host.paths import ROOT
from provision.output.key_usage import KeyUsage, KeyUse

MOST = 131_072
"""The most keys that the kernel counts: the size of the set in key_usage.sh."""
_UNKNOWN = re.compile(r"unknown (?P<why>.+)")
_NUMBER = re.compile(r"(?P<word>since|saved|now) (?P<seconds>[0-9]{1,11})")
_FROM = re.compile(r"from (?P<id>[0-9]{1,10}) (?P<address>[0-9a-f.:]{2,45})")
NO_ADDRESSES = "no addresses"
_KEY = re.compile(r"(?P<id>[0-9]{1,10}) (?P<answers>[0-9]{1,20}) (?P<last>[0-9]{1,11})")


def key_usage(run: Run, *, addresses: bool = False) -> None:
    """Read how often and when last each key was answered, and the addresses; it may not be known."""
    answer = run.session.host.ask(scripts.load("print_key_usage", ROOT, "addresses" if addresses else ""))
    with understood(f"{run.session.host.name}: the use of keys"):
        run.report.key_usage = parse_usage(answer, addresses=addresses)


def parse_usage(text: str, *, addresses: bool = False) -> KeyUsage:
    """Parse the output of ``print_key_usage.sh``; ``addresses``: whether they were asked for. Raises ParseError."""
    *lines, end = text.splitlines() or [""]
    if end != "finished":
        raise ParseError("the answer is incomplete; the host may have been cut off")
    for line in lines:
        if unknown := _UNKNOWN.fullmatch(line):
            return KeyUsage(unknown=unknown["why"], keys=())
    places: dict[int, list[str]] | None = None
    if addresses and NO_ADDRESSES not in lines:
        places = _places(lines)
    numbers = {found["word"]: int(found["seconds"]) for line in lines if (found := _NUMBER.fullmatch(line))}
    others = [line for line in lines if line != NO_ADDRESSES and not _NUMBER.fullmatch(line)]
    matches = [_KEY.fullmatch(line) for line in others if not _FROM.fullmatch(line)]
    if not {"since", "now"} <= numbers.keys() or None in matches:
        raise ParseError("the counts of keys have another form than this release reads")
    if len(matches) >= MOST:
        return KeyUsage(unknown=f"more than {MOST} keys were used, and the kernel counts no further ones", keys=())
    uses = [_use(found, places) for found in matches if found]
    by_id = tuple(sorted(uses, key=lambda use: use.id))
    return KeyUsage(since=_utc(numbers["since"]), told=_utc(numbers["now"]), keys=by_id)


def _places(lines: list[str]) -> dict[int, list[str]]:
    """Return the addresses of the clients of each key, by its id."""
    found: dict[int, list[str]] = {}
    for line in lines:
        if place := _FROM.fullmatch(line):
            found.setdefault(int(place["id"]), []).append(place["address"])
    return found


def _use(found: re.Match[str], places: dict[int, list[str]] | None) -> KeyUse:
    id_ = int(found["id"])
    addresses = None
    if places is not None:
        addresses = tuple(sorted(places.get(id_, ())))
    return KeyUse(id=id_, answers=int(found["answers"]), last=_utc(int(found["last"])), addresses=addresses)


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
