"""Converge a host: answer, drift, apply, look again, and the drift must be gone; the loop for all steps."""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence

from provision.common.errors import CommandFailed, HostUnready, NotConverged, ParseError, understood
from provision.common.results import Change, Loss, Outcome, Status
from provision.deploy.steps import Look, Phase, Step
from provision.host.host import Host
from provision.host.transport import Output


def survey_script(looks: Sequence[str], mark: str) -> str:
    """Return one script that runs every look; after each answer, it prints a line with the mark and the exit status."""
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


class Survey:
    """The looks of several steps in one script, and their answers."""

    def __init__(self, steps: Sequence[Look]) -> None:
        self._steps = steps
        self._looks = [step.look() for step in steps]
        # A look that several steps have in common runs once.
        self._asked = tuple(dict.fromkeys(self._looks))
        # A random mark, so that no file on the host can contain it.
        self._mark = f"=={secrets.token_hex(8)}=="

    @property
    def script(self) -> str:
        """Return the script that runs the looks."""
        return survey_script(self._asked, self._mark)

    def answers(self, name: str, said: str) -> tuple[str, ...]:
        """Return the answer to each step's look from a host's output ``said``. Raises CommandFailed, ParseError."""
        answers = dict(zip(self._asked, parse_survey(said, self._mark, len(self._asked)), strict=True))
        for step, look in zip(self._steps, self._looks, strict=True):
            status, answer = answers[look]
            if status != 0:
                said = Output(status, answer).last_words
                raise CommandFailed(f"{name}: {step.title}: query failed (exit status {status}): {said}")
        return tuple(answers[look][1] for look in self._looks)

    def split(self, said: str) -> tuple[str, str]:
        """Split the output of this script from that of another script after it."""
        if not self._asked:
            return "", said
        head, mark, tail = said.rpartition(f"\n{self._mark} ")
        status, _, rest = tail.partition("\n")
        return f"{head}{mark}{status}", rest


def survey(host: Host, steps: Sequence[Look]) -> tuple[str, ...]:
    """Run the looks of all steps in one round trip, and return the answers."""
    asked = Survey(steps)
    return asked.answers(host.name, host.ask(asked.script))


def converge(
    host: Host,
    phases: Sequence[Phase],
    *,
    dry_run: bool = False,
    begin: Callable[[Phase, Step], bool] = lambda *_: False,
    lost: Callable[[tuple[Loss, ...]], None] = lambda _: None,
) -> Iterator[Outcome]:
    """Bring the host to the state of each step, in order; yield the outcomes.

    ``begin`` is called before a step is applied or, in a dry run, is pending; it returns True if another run may have
    changed the host since the survey. ``lost`` is called with the losses that the survey has found. After the first
    change, each further step runs its look again, because the change may concern it. A dry run ends with the error with
    which a step would refuse, after the outcomes of all steps.
    """
    plan = [(phase, step) for phase in phases for step in phase.steps]
    if not plan:
        return
    answers = survey(host, [step for _, step in plan])
    if losses := _losses(host, [step for _, step in plan], answers):
        lost(losses)
    is_stale = False
    refusals: list[str] = []
    pending: set[str] = set()
    for (phase, step), surveyed in zip(plan, answers, strict=True):
        answer = surveyed
        if is_stale:
            answer = _look(host, step)
        drift = _drift(host, step, answer)
        if drift is not None and begin(phase, step):
            is_stale = True
            answer = _look(host, step)
            drift = _drift(host, step, answer)
        if drift is None or not step.settled_by.isdisjoint(pending):
            yield Outcome(id=step.id, title=step.title, status=Status.UNCHANGED, notes=_notes(host, step, answer))
        elif dry_run:
            pending.add(step.id)
            reason = step.explain(host, drift)
            changes = _changes(host, step, answer, reason)
            yield _outcome(host, step, Status.PENDING, reason, changes, before=answer, now=answer)
            refusals += _refusals(host, step, answer)
        else:
            is_stale = True
            reason = step.explain(host, drift)
            changes = _changes(host, step, answer, reason)
            now = _apply(host, step)
            yield _outcome(host, step, Status.CHANGED, step.afterwards(reason), changes, before=answer, now=now)
    if refusals:
        raise HostUnready(f"{host.name}: {refusals[0]}")


def _look(host: Host, step: Step) -> str:
    return survey(host, [step])[0]


def _apply(host: Host, step: Step) -> str:
    """Apply a step, and return the answer of its look afterwards. Raises NotConverged if the host still differs."""
    step.apply(host)
    now = _look(host, step)
    remaining = _drift(host, step, now)
    if remaining is not None:
        raise NotConverged(f"{host.name}: {step.title}: applied, and still {remaining}{_undo(host, step)}")
    return now


def _outcome(
    host: Host, step: Step, status: Status, reason: str, changes: tuple[Change, ...], *, before: str, now: str
) -> Outcome:
    """Return the outcome of a step that changes the host, or would; ``before`` and ``now`` are answers of its look."""
    return Outcome(
        id=step.id,
        title=step.title,
        status=status,
        reason=reason,
        diff=_diff(host, step, before),
        notes=_notes(host, step, now),
        changes=changes,
    )


def _undo(host: Host, step: Step) -> str:
    now = step.undo(host)
    if not now:
        return ""
    return f"; {now}"


def _drift(host: Host, step: Step, seen: str) -> str | None:
    with understood(f"{host.name}: {step.title}"):
        return step.drift(seen)


def _refusals(host: Host, step: Step, seen: str) -> tuple[str, ...]:
    with understood(f"{host.name}: {step.title}"):
        refusal = step.refusal(seen)
    if refusal is None:
        return ()
    return (refusal,)


def _losses(host: Host, steps: Sequence[Step], answers: Sequence[str]) -> tuple[Loss, ...]:
    found: list[Loss] = []
    for step, answer in zip(steps, answers, strict=True):
        with understood(f"{host.name}: {step.title}"):
            found += step.losses(answer)
    return tuple(found)


def _diff(host: Host, step: Step, seen: str) -> str:
    with understood(f"{host.name}: {step.title}"):
        return step.diff(seen)


def _changes(host: Host, step: Step, seen: str, drift: str) -> tuple[Change, ...]:
    with understood(f"{host.name}: {step.title}"):
        return step.changes(host, seen, drift)


def _notes(host: Host, step: Step, seen: str) -> tuple[str, ...]:
    with understood(f"{host.name}: {step.title}"):
        return step.notes(seen)
