"""Read from one host which keys its chronyd has answered.

``key_usage.sh`` counts in the kernel the answers with a MAC, by the key id in them.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from provision.common.errors import ParseError, understood
from provision.deploy.run import Run
from provision.host import scripts
from provision.host.paths import ROOT
from provision.output.key_usage import KeyUsage, KeyUse

SET_SIZE = 131_072
"""The most keys that the kernel counts (the set in key_usage.sh)."""
NO_ADDRESSES = "no addresses"
"""The line of a host whose nft is too old to keep addresses."""
_UNKNOWN = re.compile(r"unknown (?P<why>.+)")
_TIME = re.compile(r"(?P<word>since|saved|now) (?P<seconds>[0-9]{1,11})")
_CLIENT = re.compile(r"from (?P<id>[0-9]{1,10}) (?P<address>[0-9a-f.:]{2,45})")
_KEY = re.compile(r"(?P<id>[0-9]{1,10}) (?P<answers>[0-9]{1,20}) (?P<last>[0-9]{1,11})")


def key_usage(run: Run, *, addresses: bool = False) -> None:
    """Put into the report how often and when last the host has answered each key, or why that is not known.

    ``addresses``: also those of the clients.
    """
    answer = run.session.host.ask(scripts.load("print_key_usage", ROOT, "addresses" if addresses else ""))
    with understood(f"{run.session.host.name}: the use of keys"):
        run.report.key_usage = parse_usage(answer, addresses=addresses)


def parse_usage(text: str, *, addresses: bool = False) -> KeyUsage:
    """Parse the output of ``print_key_usage.sh``; ``addresses``: whether it was asked for them. Raises ParseError."""
    *lines, end = text.splitlines() or [""]
    if end != "finished":
        raise ParseError("the answer is incomplete; the host may have been cut off")
    for line in lines:
        if unknown := _UNKNOWN.fullmatch(line):
            return KeyUsage(unknown=unknown["why"], keys=())
    times = {found["word"]: int(found["seconds"]) for line in lines if (found := _TIME.fullmatch(line))}
    counts = [found for line in lines if (found := _KEY.fullmatch(line))]
    if not {"since", "now"} <= times.keys() or not all(map(_is_readable, lines)):
        raise ParseError("the counts of keys have another form than this release reads")
    if len(counts) >= SET_SIZE:
        return KeyUsage(unknown=f"more than {SET_SIZE} keys were used, and the kernel counts no further ones", keys=())
    clients = None
    if addresses and NO_ADDRESSES not in lines:
        clients = _clients(lines)
    uses = [_use(count, clients) for count in counts]
    by_id = tuple(sorted(uses, key=lambda use: use.id))
    return KeyUsage(since=_utc(times["since"]), as_of=_utc(times["now"]), keys=by_id)


def _is_readable(line: str) -> bool:
    return line == NO_ADDRESSES or any(form.fullmatch(line) for form in (_TIME, _CLIENT, _KEY))


def _clients(lines: list[str]) -> Mapping[int, list[str]]:
    """Return the addresses of the clients of each key, by its id."""
    found: dict[int, list[str]] = {}
    for line in lines:
        if client := _CLIENT.fullmatch(line):
            found.setdefault(int(client["id"]), []).append(client["address"])
    return found


def _use(count: re.Match[str], clients: Mapping[int, list[str]] | None) -> KeyUse:
    """Return the use of a key; ``clients``: the addresses by key id, or None if they are not known."""
    id_ = int(count["id"])
    addresses = None
    if clients is not None:
        addresses = tuple(sorted(clients.get(id_, ())))
    return KeyUse(id=id_, answers=int(count["answers"]), last=_utc(int(count["last"])), addresses=addresses)


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
