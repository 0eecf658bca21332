"""Name the fault of a source that answers, and that chronyd does not select."""

from provision.chrony.chronyc.sources import SourceReport
from provision.output.status import Layer, SourceFault
from provision.verify.source_signs import Signs

USABLE = "*+DLPU"
"""States of selectdata in which nothing is wrong with the source: another one is better, or comes first."""

UNSYNCHRONISED = SourceFault(
    layer=Layer.UNSYNCHRONISED,
    seen="the server answers that its own clock is not synchronised",
    advice="see 'inv status' of the server, and its sources",
)

SELECTION = {
    "N": (Layer.NOSELECT, "it has the option noselect: it is only measured", "nothing to do if that is intended"),
    "M": (
        Layer.SAMPLES,
        "it has too few measurements yet",
        "wait for its next answers",
    ),
    "s": (UNSYNCHRONISED.layer, UNSYNCHRONISED.seen, UNSYNCHRONISED.advice),
    "r": (Layer.STRATUM, "its stratum is outside of minstratum and maxstratum", "see these directives"),
    "d": (Layer.DISTANCE, "its root distance is larger than maxdistance", "see its delay, and the clock of the server"),
    "~": (Layer.JITTER, "its jitter is larger than maxjitter", "see the path to it: its delay changes too much"),
    "w": (Layer.WAITS, "other sources have no measurement yet", "wait for their answers"),
    "W": (
        Layer.WAITS,
        "fewer sources can be selected than minsources wants, or none that is required",
        "see the other sources, and authselectmode",
    ),
    "S": (Layer.STALE, "its measurements are older than those of the others", "see whether it still answers"),
    "O": (
        Layer.ORPHAN,
        "it serves its own clock, at the stratum of local orphan here",
        "compare the line local of both hosts",
    ),
    "T": (Layer.NOT_TRUSTED, "it does not agree with the trusted sources", "see the sources with the option trust"),
    "x": (
        Layer.FALSETICKER,
        "its time does not agree with that of the other sources",
        "find out whose clock is wrong: this one's or that of the others; three sources outvote one",
    ),
}
"""The letters of chronyc(1), selectdata → layer, words and advice."""

AFTER_A_JUMP = SourceFault(
    layer=Layer.SAMPLES,
    seen="chronyd saw the clock jump, as after a pause of the machine, and it has too few measurements since",
    advice="wait for its next answers",
)

STATES = {"x": "x", "~": "~"}
"""The states of ``sources`` that say as much as those of selectdata."""


def selection_fault(source: SourceReport, signs: Signs) -> SourceFault | None:
    """Return why a source that answers is not selected; None if another one is better."""
    selection = signs.selection.get(source.name)
    if selection is None:
        if source.state in "*+-":
            return None
        letter = STATES.get(source.state, "?")
    else:
        letter = selection.state
    if letter in USABLE:
        return None
    if letter == "N" and selection is not None and selection.excluded:
        return SourceFault(
            layer=Layer.EXCLUDED,
            seen="authselectmode excludes sources without a key or NTS",
            advice="give it a key or NTS, or change time.authselectmode",
        )
    if letter == "M" and signs.has_jumped:
        return AFTER_A_JUMP
    layer, seen, advice = SELECTION.get(
        letter, (Layer.UNKNOWN, "chronyd does not select it", "see chronyc(1), selectdata")
    )
    return SourceFault(layer=layer, seen=seen, advice=advice)
