"""A generation is confirmed when it was proven; a host that went back in the middle of the proof is said to have."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from provision.common.errors import CommandFailed, NotConverged, ParseError, ProvisionError
from provision.common.results import Finding, SwitchState
from provision.deploy import switch
from provision.deploy.steps import Step, confirmed
from provision.deploy.steps.confirmed import Confirmed
from tests.helpers.step_samples import ACTIVE, CONFIRMED, HOST, SWITCH, UNALTERED

GOOD = Finding(id="process.running", claim="chronyd runs", holds=True, seen="pid 7")
BAD = Finding(id="process.running", claim="chronyd runs", holds=False, seen="no process")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder like /opt/chrony on this machine, whose switch notes what it is told."""
    monkeypatch.setattr(confirmed, "ROOT", str(tmp_path))
    monkeypatch.setattr(switch, "SWITCH", f"{tmp_path}/switch")
    (tmp_path / "switch").write_text('#!/bin/sh\necho "$*" >>"${0%/*}/told"\necho rolled back to generation bbbb\n')
    (tmp_path / "switch").chmod(0o755)
    link(tmp_path, SWITCH.generation)
    return tmp_path


def confirming(prove: Callable[[], Sequence[Finding]]) -> Confirmed:
    """Return the step that confirms the sample after this proof."""
    return Confirmed(replace(SWITCH, prove=prove, state=SwitchState()), keep=None)


def link(root: Path, generation: str) -> None:
    (root / "current").unlink(missing_ok=True)
    if generation:
        (root / "current").symlink_to(f"generations/{generation}")


def told(root: Path) -> list[str]:
    path = root / "told"
    return path.read_text().splitlines() if path.exists() else []


def goes_back_to(root: Path, generation: str, end: ProvisionError | Finding) -> Callable[[], Sequence[Finding]]:
    """Return a proof during which the host goes back."""

    def prove() -> Sequence[Finding]:
        link(root, generation)
        if isinstance(end, Finding):
            return [end]
        raise end

    return prove


def test_what_was_proven_is_confirmed(root: Path) -> None:
    confirming(lambda: [GOOD]).apply(HOST)
    assert told(root) == [f"--confirm {SWITCH.generation}"]


def test_after_the_confirmation_nothing_is_said_to_go_back() -> None:
    assert CONFIRMED.afterwards("unconfirmed: the host goes back to generation bbbb") == "was not confirmed yet"


def test_what_was_not_proven_goes_back_at_once(root: Path) -> None:
    with pytest.raises(
        NotConverged,
        match=r"was not confirmed; rolled back to generation bbbb: \"chronyd runs\" does not hold \(no process\)",
    ):
        confirming(lambda: [BAD]).apply(HOST)
    assert told(root) == [f"--back {SWITCH.generation}"]


def test_a_host_that_does_not_get_back_is_said_to_go_on_trying(root: Path) -> None:
    (root / "switch").write_text("#!/bin/sh\necho does not run again: chrony.service >&2\nexit 1\n")
    with pytest.raises(
        NotConverged, match=r"the previous daemon does not run yet, and the host retries it .*chrony.serv"
    ):
        confirming(lambda: [BAD]).apply(HOST)


@pytest.mark.parametrize("step", [ACTIVE, UNALTERED])
def test_a_daemon_that_died_right_after_the_switch_is_left_at_once(root: Path, step: Step) -> None:
    assert step.undo(HOST) == "rolled back to generation bbbb"
    assert told(root) == [f"--back {SWITCH.generation}"]


ENDS = [
    pytest.param(ParseError("chrony's configure did not print its 'Features :' line"), id="half of two generations"),
    pytest.param(CommandFailed("aaaa does not wait to be confirmed"), id="refused by the switch"),
    pytest.param(BAD, id="a finding about the other daemon"),
]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("generation", "now"), [("bbbb", "generation bbbb"), ("", "the time service from before")])
def test_a_host_that_went_back_in_the_meantime_is_reported(
    root: Path, generation: str, now: str, end: ProvisionError | Finding
) -> None:
    with pytest.raises(NotConverged, match=f"the host rolled back during the proof, and {now}.*.*--confirm-timeout"):
        confirming(goes_back_to(root, generation, end)).apply(HOST)
    assert told(root) == []


def test_an_error_of_a_host_that_did_not_go_back_is_passed_on(root: Path) -> None:
    error = ParseError("the evidence is incomplete")
    with pytest.raises(ParseError, match=r"^the evidence is incomplete$"):
        confirming(goes_back_to(root, SWITCH.generation, error)).apply(HOST)


@pytest.mark.parametrize("waits", [True, False])
def test_a_failed_confirmation_reports_the_words_of_the_host(root: Path, waits: bool) -> None:  # noqa: FBT001 -- a case
    (root / "switch").write_text("#!/bin/sh\nexit 1\n")
    if waits:
        (root / "unconfirmed").write_text(f"generation={SWITCH.generation}\nfallback=bbbb\n")
    step = confirming(lambda: [GOOD])
    with pytest.raises(CommandFailed, match="confirming failed"):
        step.apply(HOST)
    assert (step.to.state.until is not None) is waits
