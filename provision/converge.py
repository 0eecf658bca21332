"""The one loop: answer, drift, apply, look again, and the drift must be gone."""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from provision.errors import CommandFailed, NotConverged, ParseError
from provision.host import Host
from provision.steps import Step
from provision.transport import Output


class Status(StrEnum):
    """How a step ended."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    PENDING = "pending"
    """A dry run: it would change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a step ended, and why."""

    title: str
    status: Status
    reason: str = ""
    diff: str = ""


def survey_script(looks: Sequence[str], mark: str) -> str:
    """Return one script that asks every look; each answer is followed by a line of the mark and the exit status."""
    return "\n".join(f"(\n{look}\n)\nprintf '\\n%s %s\\n' {mark} $?" for look in looks)


def parse_survey(text: str, mark: str, count: int) -> tuple[tuple[int, str], ...]:
    """Return exit status and answer of each look. Raises ParseError."""
    ended = re.compile(rf"{re.escape(mark)} ([0-9]{{1,3}})")
    answers = []
    lines: list[str] = []
    for line in text.split("\n"):
        if (end := ended.fullmatch(line)) is not None:
            answers.append((int(end[1]), "\n".join(lines).strip("\n")))
            lines = []
        else:
            lines.append(line)
    if len(answers) != count:
        raise ParseError(f"the host answered {len(answers)} of {count} questions; it may have been cut off")
    return tuple(answers)


def survey(host: Host, steps: Sequence[Step]) -> tuple[str, ...]:
    """Ask the looks of all steps in one round trip."""
    # A random mark: no file on the host can hold it.
    mark = f"=={secrets.token_hex(8)}=="
    looks = [step.look() for step in steps]
    # What several steps ask is asked once.
    asked = tuple(dict.fromkeys(looks))
    said = host.ask(survey_script(asked, mark))
    answers = dict(zip(asked, parse_survey(said, mark, len(asked)), strict=True))
    for step, look in zip(steps, looks, strict=True):
        status, answer = answers[look]
        if status != 0:
            said = Output(status, answer).last_words
            raise CommandFailed(f"{host.name}: {step.title}: could not look (exit status {status}): {said}")
    return tuple(answers[look][1] for look in looks)


def converge(
    host: Host, steps: Sequence[Step], *, dry_run: bool = False, begin: Callable[[Step], bool] = lambda _: False
) -> Iterator[Outcome]:
    """Bring the host to the wanted states, in order; yield each outcome as it comes.

    ``begin`` is told each step that is about to be applied; it returns True when somebody else may have changed the
    host since we looked. After the first apply the steps behind it look afresh, for it may have changed what they see.
    """
    seen: list[str] | None = list(survey(host, steps)) if steps else []
    for index, step in enumerate(steps):
        answer = seen[index] if seen is not None else survey(host, [step])[0]
        drift = step.drift(answer)
        if drift is None:
            yield Outcome(title=step.title, status=Status.UNCHANGED)
            continue
        if dry_run:
            yield Outcome(title=step.title, status=Status.PENDING, reason=drift, diff=step.diff(answer))
            continue
        if begin(step):
            seen = None
            answer = survey(host, [step])[0]
            drift = step.drift(answer)
            if drift is None:
                yield Outcome(title=step.title, status=Status.UNCHANGED)
                continue
        step.apply(host)
        seen = None
        remaining = step.drift(survey(host, [step])[0])
        if remaining is not None:
            raise NotConverged(f"{host.name}: {step.title}: applied, and still {remaining}")
        yield Outcome(title=step.title, status=Status.CHANGED, reason=drift, diff=step.diff(answer))
