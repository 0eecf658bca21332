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
_NUMBER = re.compile(r"(?P<word>since|saved) (?P<seconds>[0-9]{1,11})")
_KEY = re.compile(r"(?P<id>[0-9]{1,10}) (?P<answers>[0-9]{1,20}) (?P<last>[0-9]{1,11})")


def key_usage(run: Run) -> None:
    """Read how often and when last each key was answered; it may not be known."""
    answer = run.session.host.ask(scripts.load("print_key_usage", ROOT))
    with understood(f"{run.session.host.name}: the use of keys"):
        run.report.key_usage = parse_usage(answer)


def parse_usage(text: str) -> KeyUsage:
    """Parse the output of ``print_key_usage.sh``. Raises ParseError."""
    *lines, end = text.splitlines() or [""]
    if end != "finished":
        raise ParseError("the answer is incomplete; the host may have been cut off")
    for line in lines:
        if unknown := _UNKNOWN.fullmatch(line):
            return KeyUsage(unknown=unknown["why"], keys=())
    numbers = {found["word"]: int(found["seconds"]) for line in lines if (found := _NUMBER.fullmatch(line))}
    matches = [_KEY.fullmatch(line) for line in lines if not _NUMBER.fullmatch(line)]
    if "since" not in numbers or None in matches:
        raise ParseError("the counts of keys have another form than this release reads")
    uses = [
        KeyUse(id=int(found["id"]), answers=int(found["answers"]), last=_utc(int(found["last"])))
        for found in matches
        if found
    ]
    if len(uses) >= MOST:
        return KeyUsage(unknown=f"more than {MOST} keys were used, and the kernel counts no further ones", keys=())
    return KeyUsage(since=_utc(numbers["since"]), keys=tuple(sorted(uses, key=lambda use: use.id)))


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
