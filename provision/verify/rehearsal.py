"""A chronyd that was tried beside the running one: the output of ``rehearse.sh``, parsed."""

from dataclasses import dataclass

from provision.build.evidence import sections
from provision.chrony.chronyd_log import complaints, without_time
from provision.common.errors import ParseError
from provision.verify.local_client import LocalAnswers, parse_local_answers
from provision.verify.nts import NtsAnswers, parse_nts

RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """The outcome of a rehearsal."""

    remark: str
    """The part that was left out, and why; empty if there is none."""
    local_answers: tuple[LocalAnswers, ...]
    """Empty if it did not answer chronyc, or has no address at which the host can query it."""
    nts_answers: NtsAnswers | None = None
    """The outcomes of clients with NTS; None if there were none."""
    ending: str
    """``running`` if it ran until it was stopped, or how it ended by itself."""
    log: tuple[str, ...]
    """The lines of its log, without the time of day."""

    @property
    def complaints(self) -> tuple[str, ...]:
        """Return the lines of the log that speak against the configuration or the keys, each once."""
        return complaints(self.log)


def parse_rehearsal(text: str) -> Rehearsal:
    """Parse the output of ``rehearse.sh``. Raises ParseError."""
    parts = sections(text)
    if "finished" not in parts:
        raise ParseError("the rehearsal is incomplete; the host may have been cut off")
    try:
        return Rehearsal(
            remark=parts["scope"].strip(),
            local_answers=parse_local_answers(parts),
            nts_answers=parse_nts(parts),
            ending=parts["daemon"].strip(),
            log=tuple(without_time(line) for line in parts["log"].splitlines() if line.strip()),
        )
    except (KeyError, ValueError) as error:
        raise ParseError(f"the rehearsal cannot be read: {error}") from error
