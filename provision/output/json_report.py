"""Write the report of a command as one JSON document; docs/report.schema.json describes it.

The document is written when the command begins, and again when it ends, each time whole or not at all.
"""

import json
import os
import re
import sys
from contextlib import ExitStack, redirect_stdout
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, BinaryIO, Self

import msgspec
from msgspec import Meta

from provision.chrony.chronyc import Association
from provision.common.errors import INTERRUPTED, NotRecorded, ProvisionError, SiteError, UsageError, os_error_text
from provision.common.files.write import write_whole
from provision.common.results import Change, Finding, Loss, Outcome, Remark, Status
from provision.common.text import in_json, on_one_line
from provision.output.existing import ExistingTime
from provision.output.history import Event
from provision.output.report import WORDS, Report, exit_status
from provision.output.status import HostStatus

VERSION = 1
"""Of the document: it grows when a field changes its meaning or goes, not when one is added."""
STANDARD_OUTPUT = Path("-")
STANDARD_OUTPUT_NUMBER = 1
DESCRIPTORS = re.compile(r"/proc/\d+(/task/\d+)?/fd")
"""proc(5): the folder of links from numbers to the open files of a process; /dev/stdout and /dev/fd lead there."""
MOST_LINKS = 40
"""path_resolution(7): the kernel follows no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeData:
    """How a step ended."""

    id: Annotated[str, Meta(description="stable id of the step, the same on every host")]
    title: str
    status: Status
    reason: Annotated[str, Meta(description="why the step had, or has, something to do")]
    diff: Annotated[str, Meta(description="the change of a file, as a unified diff without secrets")]

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """Return the data of an outcome; its notes and changes are among those of the host."""
        data = asdict(outcome)
        del data["notes"], data["changes"]
        return cls(**data)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostData:
    """The result on one host."""

    host: Annotated[str, Meta(description="as the command line or the site names it")]
    address: Annotated[str, Meta(description="the address to which NTP requests were sent; empty if unknown")]
    platform: Annotated[str, Meta(description="such as debian-12-x86_64; empty if unknown")]
    role: Annotated[str, Meta(description="server or client; empty if the task does not need to know")]
    verdict: Annotated[
        str, Meta(description="in the words of the terminal", extra_json_schema={"enum": [*WORDS.values()]})
    ]
    ok: Annotated[bool, Meta(description="no error, and no finding that does not hold")]
    tried: Annotated[bool, Meta(description='false: the verdict is "not tried"')]
    may_have_changed: Annotated[bool, Meta(description="a command that may change the host was sent")]
    rolled_back: Annotated[bool, Meta(description="the host has rolled back from the switch of this run")]
    changed: Annotated[
        int, Meta(description="number of steps that changed something; without a switch that was rolled back", ge=0)
    ]
    pending: Annotated[int, Meta(description="number of steps that would change something; of a plan", ge=0)]
    error: Annotated[str | None, Meta(description="why the run ended early; null if it did not")]
    changes: Annotated[
        tuple[Change, ...],
        Meta(description="of plan: what the steps would change; of other tasks: what they changed; docs/pipeline.md"),
    ]
    outcomes: Annotated[list[OutcomeData], Meta(description="of the steps, in their order")]
    findings: Annotated[list[Finding], Meta(description="of the checks; docs/checks.md lists their ids")]
    sources: Annotated[
        tuple[Association, ...] | None,
        Meta(description="the time sources of the host's chronyd; null if they are not known"),
    ]
    status: Annotated[HostStatus | None, Meta(description="of the task status; docs/checks.md, status and history")]
    existing: Annotated[
        ExistingTime | None,
        Meta(description="of the tasks status and verify, on a host where nothing is deployed; docs/checks.md"),
    ]
    history: Annotated[tuple[Event, ...] | None, Meta(description="of the task history, oldest first")]
    reverts_by: Annotated[
        str | None,
        Meta(
            description="the switch is not confirmed: about when the host rolls back by itself at the latest, in UTC",
            extra_json_schema={"format": "date-time"},
        ),
    ]
    imported: Annotated[
        tuple[Remark, ...] | None, Meta(description="of the task import: what it made of each line; docs/import.md")
    ]
    losses: Annotated[
        tuple[Loss, ...],
        Meta(description="what a first deployment removes or changes of the time service before it; docs/takeover.md"),
    ]
    notes: list[str]
    log: Annotated[str | None, Meta(description="file with the output of every command")]
    round_trips: Annotated[int, Meta(description="commands and uploads that were sent to the host", ge=0)]
    seconds: Annotated[float, Meta(description="from the first connection to the verdict", ge=0)]

    @classmethod
    def of(cls, report: Report) -> Self:
        """Return the data of a report."""
        return cls(
            host=str(report.host),
            address=report.address,
            platform=report.platform,
            role=report.role,
            verdict=WORDS[report.verdict],
            ok=report.ok,
            tried=report.tried,
            may_have_changed=report.may_have_changed,
            rolled_back=report.switch.rolled_back,
            changed=report.changed,
            pending=report.pending,
            error=report.error,
            changes=report.changes,
            outcomes=[OutcomeData.of(outcome) for outcome in report.outcomes],
            findings=report.findings,
            sources=report.sources,
            status=report.status,
            existing=report.existing,
            history=report.history,
            reverts_by=_utc(report.switch.until) if report.switch.until else None,
            losses=report.losses,
            imported=report.imported,
            notes=report.notes,
            log=report.log,
            round_trips=report.round_trips,
            seconds=report.seconds,
        )


@dataclass(slots=True, kw_only=True)
class Document:
    """The report of a command."""

    version: Annotated[int, Meta(description="grows when a field changes its meaning or goes")]
    command: Annotated[str, Meta(description="the task, such as deploy")]
    site: Annotated[str | None, Meta(description="path of the site file; null: there is none")]
    time: Annotated[str, Meta(description="when the command began, in UTC", extra_json_schema={"format": "date-time"})]
    exit_status: Annotated[int | None, Meta(description="docs/pipeline.md; null while the command runs")]
    error: Annotated[str | None, Meta(description="why the whole command ended early; null if it did not")]
    hosts: Annotated[
        list[HostData],
        Meta(description="in the order of the command line; those of a site: hosts that others follow first"),
    ]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Document)}


class JsonReport:
    """The file of ``--json`` while a command runs: a context manager around its work.

    ``-`` is standard output; all that is printed meanwhile goes to standard error. Without a path, nothing is written.
    Raises UsageError if standard output is closed, SiteError if the file cannot be written at the beginning, and
    NotRecorded if it cannot at the end.
    """

    def __init__(self, path: Path | None, command: str, site: Path | None) -> None:
        self.reports: list[Report] = []
        self._path = path
        self._document = Document(
            version=VERSION,
            command=command,
            site=str(site) if site else None,
            time=_utc(datetime.now(UTC)),
            exit_status=None,
            error=None,
            hosts=[],
        )
        self._open = ExitStack()
        self._stream: BinaryIO | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            self._begin(self._path)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._path is None:
            return
        self._conclude(error)
        try:
            with self._open:
                self._write(self._path)
        except SiteError as unwritten:
            if error is None:
                raise NotRecorded(f"the work on the hosts is over, and {unwritten}") from unwritten

    def document(self, reports: list[Report]) -> bytes:
        """Return the document of a command that has ended without an error."""
        self.reports = reports
        self._conclude(None)
        return self._data()

    def _begin(self, path: Path) -> None:
        """Replace the report of an earlier command. Raises SiteError, UsageError."""
        descriptor = None
        if path != STANDARD_OUTPUT:
            descriptor = _descriptor_at(path)
        if path == STANDARD_OUTPUT or descriptor == STANDARD_OUTPUT_NUMBER:
            if sys.__stdout__ is None:
                raise UsageError(f"--json {path}: standard output is closed; name a file")
            self._stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
            self._open.enter_context(redirect_stdout(sys.stderr))
        elif descriptor is not None:
            self._stream = _duplicated(path, descriptor)
        elif path.exists() and not path.is_file():
            # A pipe or a device keeps what it was sent: it gets the document once, at the end.
            self._stream = _opened(path)
        else:
            self._write(path)

    def _conclude(self, error: BaseException | None) -> None:
        """Complete the document with the results."""
        document = self._document
        document.hosts = [HostData.of(report) for report in self.reports]
        document.exit_status = exit_status(self.reports)
        if isinstance(error, ProvisionError):
            document.error = on_one_line(str(error))
            document.exit_status = error.exit_status
        elif isinstance(error, KeyboardInterrupt):
            document.error = "interrupted"
            document.exit_status = INTERRUPTED
        elif isinstance(error, OSError):
            document.error = on_one_line(os_error_text(error))
            document.exit_status = 1
        elif error is not None:
            document.error = f"internal error: {type(error).__name__}"
            document.exit_status = 1

    def _write(self, path: Path) -> None:
        """Write the document. Raises SiteError."""
        try:
            if self._stream is None:
                write_whole(path, self._data())
                return
            with self._stream as stream:
                stream.write(self._data())
        except OSError as error:
            raise _unwritten(path, error) from error

    def _data(self) -> bytes:
        text = json.dumps(asdict(self._document), indent=2, ensure_ascii=False)
        return f"{in_json(text)}\n".encode()


def _utc(time: datetime) -> str:
    """Return a time as RFC 3339 has it, such as ``2026-11-27T19:02:17Z``."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _descriptor_at(path: Path) -> int | None:
    """Return the number of the open file of this process to which a path leads, as /dev/stdout does; otherwise None.

    Such a file is written through its descriptor: a new file in its place would not be the one that the caller opened.
    """
    place = path.absolute()
    for _ in range(MOST_LINKS):
        folder = os.path.realpath(place.parent)
        if DESCRIPTORS.fullmatch(folder) and place.name.isdecimal():
            return int(place.name)
        # Unlike Path.is_symlink(), it raises nothing for a folder that may not be searched.
        if not os.path.islink(place):  # noqa: PTH114 -- see above
            return None
        place = place.parent / place.readlink()
    return None


def _duplicated(path: Path, descriptor: int) -> BinaryIO:
    """Return a stream to an open file. Raises SiteError."""
    try:
        return os.fdopen(os.dup(descriptor), "wb")
    except OSError as error:
        raise _unwritten(path, error) from error


def _opened(path: Path) -> BinaryIO:
    """Open a pipe or a device for writing. Raises SiteError, for a pipe without a reader."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        raise _unwritten(path, error) from error
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "wb")


def _unwritten(path: Path, error: OSError) -> SiteError:
    return SiteError(f"--json {path}: cannot be written: {error.strerror}")
