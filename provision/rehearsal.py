"""What was seen of a chronyd that was tried beside the running one: the answer of ``remote/rehearse.sh``, parsed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from provision.asked import Asked, asked_in
from provision.build_evidence import sections
from provision.errors import ParseError
from provision.findings import Finding

WHERE = "rehearsed"
RUNNING = "running"
COMPLAINTS = re.compile(
    r"Fatal error"
    r"|Could not (?:open keyfile|parse key|decode key|set credentials)"
    r"|Invalid (?:length of .+ key|type in key)"
    r"|Unsupported (?:hash function|cipher) in key"
    r"|Detected duplicate key"
    r"|(?:World-readable|World-writable|Wrong) permissions on"
    r"|Key [0-9]+ is (?:missing|too short)"
)
"""What a chronyd says, and runs on, when it cannot use a key (keys.c, ntp_auth.c, util.c), or cannot serve NTS
(tls_gnutls.c); and its last words when it gives up (logging.c). No such line holds a secret."""
AT_MOST = 3
"""Reasons in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """How a chronyd did in a rehearsal."""

    remark: str
    """What could not be tried, or nothing."""
    asked: Asked
    """Empty if it did not even answer chronyc."""
    ending: str
    """``running`` until we ended it, or how it ended by itself."""
    log: tuple[str, ...]
    """The daemon's own words, without the time of day."""

    @property
    def complaints(self) -> tuple[str, ...]:
        """Return the lines of the log that no good daemon writes, each once."""
        return tuple(dict.fromkeys(line for line in self.log if COMPLAINTS.search(line)))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Judge what was seen."""
        return (
            self._started(),
            *(self.asked.findings(WHERE) if self.asked.said else ()),
            *([Finding(f"{WHERE}: the access rules", None, self.remark)] if self.remark else []),
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return why it failed; none: it passed. Of causes and what follows from them, the causes alone."""
        if self.complaints:
            return _first(tuple(f"chronyd says: {line}" for line in self.complaints))
        return _first(
            tuple(f"{finding.claim}: no ({finding.seen})" for finding in self.findings if finding.holds is False)
        )

    def _started(self) -> Finding:
        holds = self.ending == RUNNING and not self.complaints and bool(self.asked.said)
        return Finding(f"{WHERE}: chronyd runs, and says nothing against its keys", holds, "; ".join(self._seen()))

    def _seen(self) -> Iterator[str]:
        yield from self.complaints
        if self.ending == "killed by SIGSYS":
            yield "killed by SIGSYS: the filter of system calls is too strict here; try another level, service.seccomp"
        elif self.ending != RUNNING:
            yield self.ending
        elif not self.asked.said:
            yield "chronyc gets no answer from it"
        if self.log:
            yield f"it said last: {self.log[-1]}"


def _first(reasons: tuple[str, ...]) -> tuple[str, ...]:
    rest = len(reasons) - AT_MOST
    return (*reasons[:AT_MOST], *([f"and {rest} more"] if rest > 0 else []))


def parse_rehearsal(text: str) -> Rehearsal:
    """Parse what ``remote/rehearse.sh`` printed. Raises ParseError."""
    said = sections(text)
    if "finished" not in said:
        raise ParseError("the rehearsal is incomplete; the host may have been cut off")
    try:
        return Rehearsal(
            remark=said["scope"].strip(),
            asked=asked_in(said),
            ending=said["daemon"].strip(),
            log=tuple(_without_time(line) for line in said["log"].splitlines() if line.strip()),
        )
    except (KeyError, ValueError) as error:
        raise ParseError(f"the rehearsal is not what was asked for: {error}") from error


def _without_time(line: str) -> str:
    # As in 2026-11-22T23:13:04Z Loaded 1 symmetric keys.
    return re.sub(r"^[-0-9]+T[:0-9]+Z ", "", line).strip()
