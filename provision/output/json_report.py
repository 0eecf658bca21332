"""Write the report of a command as one JSON document; docs/report.schema.json describes it. Pure."""

import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta

from provision.chrony.chronyc.associations import Association
from provision.common.results import Change, Finding, Loss, Outcome, Remark, Status
from provision.common.text import in_json
from provision.output.command_report import CommandReport, utc
from provision.output.existing import ExistingTime
from provision.output.history import Event
from provision.output.json_trace import TraceData
from provision.output.key_usage import KeyUsage
from provision.output.report import WORDS, Report
from provision.output.status import HostStatus

VERSION = 1
"""Of the document: it grows when a field changes its meaning or goes, not when one is added."""


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
    status: Annotated[
        HostStatus | None,
        Meta(description="of the tasks status, report and verify; docs/checks.md, status and history"),
    ]
    existing: Annotated[
        ExistingTime | None,
        Meta(description="of the tasks status and verify, on a host where nothing is deployed; docs/checks.md"),
    ]
    history: Annotated[tuple[Event, ...] | None, Meta(description="of the task history, oldest first")]
    key_usage: Annotated[
        KeyUsage | None, Meta(description="of the task keys with --usage: which keys were answered; docs/keys.md")
    ]
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
            verdict=report.word,
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
            key_usage=report.key_usage,
            reverts_by=utc(report.switch.until) if report.switch.until else None,
            losses=report.losses,
            imported=report.imported,
            notes=report.notes,
            log=report.log,
            round_trips=report.round_trips,
            seconds=report.seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
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
    trace: Annotated[TraceData | None, Meta(description="of the task trace: the path of the time to the host")]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Document)}


def json_text(report: CommandReport) -> str:
    """Return the document of a command."""
    document = Document(
        version=VERSION,
        command=report.command,
        site=str(report.site) if report.site else None,
        time=utc(report.began),
        exit_status=report.exit_status,
        error=report.error,
        hosts=[HostData.of(host) for host in report.hosts],
        trace=TraceData.of(report.trace) if report.trace else None,
    )
    return f"{in_json(json.dumps(asdict(document), indent=2, ensure_ascii=False))}\n"
