"""Find the lines of chronyd's log that complain about its configuration.

chronyd only warns of most faults and continues without the feature: an unreadable leap second file, an option that its
build does not support, memory that it could not lock. The patterns follow the messages in the source of chrony 4.0 to
4.9.
"""

import re
from collections.abc import Iterable

COMPLAINT = re.compile(
    r"fatal error|ignoring|failed|could not|cannot be|not (?:compiled in|supported|specified|enough|present)"
    r"|no longer supported|missing|invalid|unsupported|unknown|duplicate|too (?:short|small|long|many)"
    r"|(?:permissions|owner) (?:on|of)|having write access|disabled|needs update|interference detected",
    re.IGNORECASE,
)
HARMLESS = (
    # -x: the facts record that the host may not set its clock.
    r"Disabled control of system clock",
    # chronyc on the host uses the Unix socket; a port below 1024 needs a capability that a client does not have.
    r"(?:Could not open|Disabled) command socket",
    # Sources and their reachability have checks of their own.
    r"Could not (?:resolve|connect to|(?:send|receive) NTS-KE message|(?:change|replace|TLS session)\b)",
    r"TLS handshake with .* failed|Received invalid NTS-KE|NTS-KE session with .* failed|Failing to replace",
    # State of the previous run, which is measured again.
    r"Could not (?:load dump file|read valid frequency and skew from driftfile)",
    r"System clock wrong by|RTC (?:wrong by|time before last driftfile)",
)
"""Lines that match ``COMPLAINT`` but do not concern the configuration, grouped by reason."""
_HARMLESS = re.compile("|".join(HARMLESS))
_TIME = re.compile(r"^[-0-9]+T[:0-9]+Z ")
START = re.compile(r"chronyd version \S+ starting")


def complaints(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the lines that complain about the configuration, without duplicates; none of them contains a secret."""
    found = (line for line in lines if COMPLAINT.search(line) and not _HARMLESS.search(line))
    return tuple(dict.fromkeys(found))


def without_time(line: str) -> str:
    """Return a line without its timestamp, as in ``2026-11-22T23:13:04Z Loaded 1 symmetric keys``."""
    return _TIME.sub("", line).strip()


def tells_start(lines: Iterable[str]) -> bool:
    """Return whether a log contains chronyd's first line; the journal may have dropped older lines."""
    return any(START.search(line) for line in lines)
