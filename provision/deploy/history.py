"""Show the history of a host: its generations, each switch, and how each ended."""

from dataclasses import dataclass

from provision.build.evidence import sections
from provision.common.errors import understood
from provision.deploy.history_records import Record, events, parse_history
from provision.deploy.run import Run
from provision.host import scripts
from provision.host.paths import ROOT
from provision.host.unconfirmed import UnconfirmedSwitch, named_values, parse_unconfirmed
from provision.output.history import history_text


@dataclass(frozen=True, slots=True)
class HostHistory:
    """The generations of a host, and how they came."""

    records: tuple[Record, ...]
    current: str
    """The id of the current generation; empty if there is none."""
    unconfirmed: UnconfirmedSwitch | None
    generations: tuple[str, ...]
    """The ids of all generations on the host."""


def history(run: Run) -> None:
    """Show the switches of a host: when, by whom, which parts changed, and how each ended."""
    found = read_history(run)
    run.report.history = events(found.records, found.current, found.unconfirmed)
    if not run.report.history:
        run.progress.say("  nothing was ever deployed here")
        return
    run.progress.say(history_text(run.report.history))
    if found.unconfirmed is not None:
        run.report.notes.append(f"generation {found.unconfirmed.generation} is {found.unconfirmed}")


def read_history(run: Run) -> HostHistory:
    """Read the history of a host. Raises CommandFailed, HostUnreachable, ParseError."""
    said = sections(run.session.host.ask(scripts.load("print_history", ROOT)))
    with understood("the history of the host"):
        return HostHistory(
            parse_history(said["history"]),
            said["current"].strip(),
            parse_unconfirmed(named_values(said["unconfirmed"])),
            tuple(said["generations"].split()),
        )
