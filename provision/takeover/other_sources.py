"""Parse the time sources of ntpd and NTPsec as ntpq prints them, and that of systemd-timesyncd from timedatectl.

Offsets of both are positive where the host's clock is behind; those of a SeenSource where it is ahead.
"""

import re
from collections.abc import Iterator

from provision.common.errors import understood
from provision.output.existing import SeenSource
from provision.output.status import REFERENCE_CLOCK, Authentication

STATES = {
    " ": "not usable",
    "x": "falseticker",
    ".": "not combined",
    "-": "not combined",
    "#": "not combined",
    "+": "combined",
    "*": "selected",
    "o": "selected",
}
"""The first character of a line of ntpq: ntpq(8), peers."""
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
"""ntpq shortens long times."""
HEADING = "\n===="
"""The line below the names of the columns."""
COLUMNS = 10
NO_ANSWER = "16"
"""The stratum of a source that has not answered."""
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(us|μs|ms|s|min|h|d|w|month|y)")
_UNITS = {
    "us": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "month": 2629800.0,
    "y": 31557600.0,
}
"""systemd.time(7)."""


def parse_ntpq(text: str) -> tuple[SeenSource, ...]:
    """Parse ``ntpq -pnw``. Raises ParseError."""
    with understood("ntpq"):
        return tuple(source for line in _peer_lines(text) if (source := _peer(line)) is not None)


def _peer_lines(text: str) -> Iterator[str]:
    """Yield a line for each source, without the heading: a long address has a line of its own before its values."""
    _, _, body = text.partition(HEADING)
    address = ""
    for line in body.splitlines()[1:]:
        if len(line.split()) == 1:
            address = line
        elif line.strip():
            yield f"{address}{line}"
            address = ""


def _peer(line: str) -> SeenSource | None:
    """Return a source; None for the line of a pool, whose servers have their own. Raises LookupError, ValueError."""
    state = STATES[line[0]]
    name, refid, stratum, type_, when, poll, reach, _, offset, _ = line[1:].split()[:COLUMNS]
    if refid == ".POOL.":
        return None
    last_answer, offset_seconds, known_stratum = None, None, None
    if when != "-":
        last_answer = _seconds(when)
    if stratum != NO_ANSWER:
        known_stratum, offset_seconds = int(stratum), 0.0 - float(offset) / 1000
    authentication = Authentication.UNKNOWN
    # NTPsec shows the number of cookies in place of a letter.
    if type_.isdecimal():
        authentication = Authentication.NTS
    return SeenSource(
        name=name,
        address=name,
        kind={"l": REFERENCE_CLOCK, "s": "peer"}.get(type_, "server"),
        state=state,
        stratum=known_stratum,
        poll_seconds=float(_seconds(poll)),
        reach=int(reach, 8),
        last_answer_seconds=last_answer,
        offset_seconds=offset_seconds,
        error_seconds=None,
        authentication=authentication,
        key_id=None,
        authenticated=None,
    )


def _seconds(text: str) -> int:
    number = text.rstrip("smhd")
    return int(number) * SECONDS[text.removeprefix(number)]


def parse_timesync_status(text: str) -> tuple[SeenSource, ...]:
    """Parse ``timedatectl timesync-status``: one source, or none as long as no server was chosen. Raises ParseError."""
    values = dict(_timesync_values(text))
    server = re.fullmatch(r"(?P<address>\S+) \((?P<name>.+)\)", values.get("Server", ""))
    if server is None:
        return ()
    with understood("timedatectl timesync-status"):
        return (_timesync_source(server["name"], server["address"], values),)


def _timesync_source(name: str, address: str, values: dict[str, str]) -> SeenSource:
    # timesyncd asks one server at a time, and follows each answer. Without one, these lines are missing.
    state, offset, stratum = "not usable", None, None
    if "Offset" in values:
        state, offset = "selected", 0.0 - _span(values["Offset"])
    if "Stratum" in values:
        stratum = int(values["Stratum"])
    return SeenSource(
        name=name,
        address=address,
        kind="server",
        state=state,
        stratum=stratum,
        poll_seconds=_span(values["Poll interval"].partition(" (")[0]),
        reach=None,
        last_answer_seconds=None,
        offset_seconds=offset,
        error_seconds=None,
        authentication=Authentication.NONE,
        key_id=None,
        authenticated=None,
    )


def _timesync_values(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, mark, value = line.strip().partition(":")
        if mark:
            yield name, value.strip()


def _span(text: str) -> float:
    """Return the seconds of a time span such as ``-1min 4s``. Raises ValueError."""
    seconds = sum(map(_part_of_span, text.lstrip("+-").split()))
    if text.startswith("-"):
        return 0.0 - seconds
    return seconds


def _part_of_span(part: str) -> float:
    found = _SPAN.fullmatch(part)
    if found is not None:
        return float(found[1]) * _UNITS[found[2]]
    if part.strip("0.") == "":
        return 0.0
    raise ValueError(f"no time span: {part[:40]!r}")
