"""Judge a host that runs another generation than the wanted one: one finding for it, which names the differences.

The claims that depend on the wanted generation are not checked. The generation that runs is checked for alterations.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from provision.common.errors import CommandFailed, ParseError, SiteError, understood
from provision.common.results import Finding
from provision.deploy.converge import survey
from provision.deploy.generation import Generation
from provision.deploy.generation_changes import changed_names
from provision.deploy.kept import Kept, read_kept
from provision.deploy.run import Run
from provision.deploy.steps import build, confirmed, rehearsed, staged
from provision.deploy.steps.active import Active, There
from provision.deploy.steps.daemon_unaltered import Unaltered
from provision.deploy.steps.file import unified_diff
from provision.deploy.steps.process_as_unit import AsUnitSays
from provision.deploy.switch import Switch
from provision.host.paths import NTS_CHAIN, NTS_KEY, NTS_SHARED_KEYS, TRUSTED
from provision.keys.changes import key_changes
from provision.verify.checks.process import NOT_RUNNING
from provision.verify.checks.site import RUNNING

DEPENDENT = {
    f"site.{build.Installed.id}": build.NOT_BUILT,
    f"site.{staged.Staged.id}": staged.MISSING,
    f"site.{rehearsed.Rehearsed.id}": rehearsed.NOT_REHEARSED,
    f"site.{confirmed.Confirmed.id}": confirmed.NOT_RUNNING,
}
"""The ids of findings → what they see where another generation was deployed in place of the wanted one."""
ACTIVE = f"site.{Active.id}"
UNALTERED = f"site.{Unaltered.id}"
AS_UNIT_SAYS = f"site.{AsUnitSays.id}"


@dataclass(frozen=True, slots=True)
class Current:
    """The current generation of a host, which is another than the wanted one."""

    differences: str
    """How it differs from the wanted one, in words; empty if its files cannot be read."""
    finding: Finding | None
    """Whether it is as it was deployed; None if it does not run."""


def judged(findings: Iterable[Finding], there: There, wanted: str, other: Current | None) -> Iterator[Finding]:
    """Yield the findings about a host; ``other`` is its current generation, None if that is the wanted one."""
    for finding in findings:
        if other is not None and finding.id == ACTIVE and finding.holds is False and other.differences:
            yield replace(finding, seen=f"{finding.seen}: {other.differences}")
        elif other is not None and finding.holds is False and DEPENDENT.get(finding.id) == finding.seen:
            yield _not_checked(finding, f"generation {there.current} is deployed in its place")
        elif finding.id == UNALTERED and there.running != wanted:
            yield _not_checked(finding, _not_running(there))
            if other is not None and other.finding is not None:
                yield other.finding
        elif finding.id == AS_UNIT_SAYS and finding.holds and not there.running:
            yield _not_checked(finding, NOT_RUNNING)
        else:
            yield finding


def _not_checked(finding: Finding, reason: str) -> Finding:
    return replace(finding, holds=None, seen=reason)


def _not_running(there: There) -> str:
    if there.running:
        return f"generation {there.running} runs"
    return NOT_RUNNING


def read_current(run: Run, there: There, generation: Generation, to: Switch) -> Current:
    """Read the current generation of a host, which is not ``generation``. Raises HostUnreachable."""
    subject = f"generation {there.current}"
    try:
        kept = read_kept(run, there.current)
        differences = difference_text(kept, generation)
        if there.running != there.current:
            return Current(differences, None)
        found = (kept.drift, _process_drift(run, kept, to))
    except (CommandFailed, ParseError, SiteError) as error:
        return Current("", RUNNING.finding(holds=False, seen=f"its files cannot be read: {error}", subject=subject))
    drift = "; ".join(words for words in found if words)
    finding = RUNNING.finding(holds=not drift, seen=drift or "no difference", subject=subject)
    return Current(differences, finding)


def _process_drift(run: Run, kept: Kept, to: Switch) -> str | None:
    with understood(f"generation {kept.id} of the host"):
        unaltered = Unaltered(replace(to, generation=kept.id, running=kept.running))
    (answer,) = survey(run.session.host, [unaltered])
    return unaltered.drift(answer)


def difference_text(kept: Kept, generation: Generation) -> str:
    """Return how a generation on a host differs from the wanted one, in words without secrets."""
    return ", ".join(_differences(kept, generation))


def _differences(kept: Kept, generation: Generation) -> Iterator[str]:
    if kept.build != generation.recipe.name:
        yield f"build {kept.build} in place of {generation.recipe.name}"
    if names := changed_names(unified_diff("chrony.conf", kept.conf, generation.conf)):
        yield f"chrony.conf differs ({names})"
    if keys := key_changes(kept.keys, generation.keys):
        yield keys
    for name in (NTS_CHAIN, NTS_KEY, NTS_SHARED_KEYS, TRUSTED):
        if kept.certificates.files.get(name) != generation.certificates.files.get(name):
            yield f"{name} differs"
    unit = staged.GENERATION_LINE.sub(f"CHRONY_GENERATION={generation.id}", kept.unit)
    if names := changed_names(unified_diff("chronyd.service", unit, generation.unit)):
        yield f"unit differs ({names})"
    if names := changed_names(unified_diff("chronyd.socket", kept.socket, generation.socket)):
        yield f"socket unit differs ({names})"
