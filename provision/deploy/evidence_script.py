"""Make the script that collects the evidence of a running chronyd."""

from dataclasses import dataclass

from provision.build.evidence import SECTION
from provision.deploy.steps.unit_overrides import look_at_unit
from provision.host import scripts
from provision.host.paths import ROOT
from provision.host.session import Session
from provision.verify.expectation import Expectation, without_zone
from provision.verify.nts_server import NOT_QUERIED

NOT_DEPLOYED = f"{SECTION}not deployed"
"""What the scripts print where there is no current generation."""


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A generation that waits to be confirmed; the host rolls back from it when its timer ends."""

    generation: str
    """The id of the generation."""
    seconds: int
    """How long the timer runs, counted anew when the proof begins and when its clock was waited for."""


def evidence_script(
    session: Session,
    expected: Expectation,
    *,
    sync_timeout: int,
    unconfirmed: Unconfirmed | None,
    tells_state: bool,
) -> str:
    """Return the script for a host of which this is expected; see :func:`provision.deploy.prove.prove`."""
    patience = 0
    if expected.follows or expected.serves_own_clock:
        patience = sync_timeout
    values = {
        "root": ROOT,
        "addresses": " ".join(expected.query_addresses),
        "most_keys": str(expected.most_keys),
        "patience": str(patience),
        "client": without_zone(session.facts.client or ""),
        "ask_build": scripts.as_nobody(scripts.load("verify_build", f"{ROOT}/current/build")),
        "ask_firewall": "",
        "max_error": str(expected.max_error),
        "own_clock": "yes" if expected.has_only_its_own_clock else "no",
        "unproven": "",
        "seconds": "",
        "tells_state": "yes" if tells_state else "no",
        "look_at_unit": look_at_unit() + scripts.load("print_effects", ROOT),
        "look_around": scripts.load("look_conflicts", ROOT),
        **NOT_QUERIED,
    }
    if expected.nts is not None:
        values |= expected.nts.script_values
    if expected.serves:
        values["ask_firewall"] = scripts.load("print_firewall")
    if unconfirmed:
        values |= {"unproven": unconfirmed.generation, "seconds": str(unconfirmed.seconds)}
    return scripts.load_with("print_evidence", values)
