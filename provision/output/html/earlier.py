"""Read the clocks of hosts from earlier reports, the files of ``inv status --json`` and ``inv report --json``."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from provision.chrony.clock_log import ClockPoint
from provision.common.errors import SiteError, os_error_text


class _Clock(msgspec.Struct, frozen=True):
    synchronised: bool
    offset_seconds: float
    error_bound_seconds: float
    frequency_ppm: float


class _Status(msgspec.Struct, frozen=True):
    clock: _Clock | None


class _Host(msgspec.Struct, frozen=True):
    host: str
    status: _Status | None


class _Document(msgspec.Struct, frozen=True):
    """The part of a report that is needed; docs/report.schema.json describes the whole."""

    version: int
    time: datetime
    hosts: tuple[_Host, ...]


def read_earlier(paths: Iterable[Path]) -> Mapping[str, Sequence[ClockPoint]]:
    """Return the clock of each host in these reports, by its name. Raises SiteError for a file that is no report."""
    found: dict[str, list[ClockPoint]] = defaultdict(list)
    for path in paths:
        document = _read(path)
        for host in document.hosts:
            if host.status is None or host.status.clock is None or not host.status.clock.synchronised:
                continue
            clock = host.status.clock
            point = ClockPoint(
                time_seconds=int(document.time.timestamp()),
                offset_seconds=clock.offset_seconds,
                error_bound_seconds=clock.error_bound_seconds,
                frequency_ppm=clock.frequency_ppm,
            )
            found[host.host].append(point)
    return found


def _read(path: Path) -> _Document:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Document)
    except OSError as error:
        raise SiteError(f"--earlier {path}: cannot be read: {os_error_text(error)}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SiteError(f"--earlier {path}: no report of inv status --json: {error}") from error
