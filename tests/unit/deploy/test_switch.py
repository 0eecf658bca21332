"""A switch calls the script on the host, and notes whether it waits to be confirmed."""

from dataclasses import replace
from pathlib import Path

import pytest

from provision.common.errors import CommandFailed
from provision.common.results import SwitchState
from provision.deploy import switch
from provision.deploy.switch import Switch
from tests.helpers.step_samples import HOST, SWITCH

SCRIPT = """\
#!/bin/sh
echo "$CHRONY_PROVISION_WHO ${CHRONY_PROVISION_TASK--} ${CHRONY_PROVISION_ANSWERED-no} $*" >>"${0%/*}/told"
echo rolled back to generation bbbb
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a script that notes its calls in the place of the one on the host."""
    path = tmp_path / "switch"
    path.write_text(SCRIPT)
    path.chmod(0o755)
    monkeypatch.setattr(switch, "SWITCH", str(path))
    return path


def fresh(*, answered: bool = False) -> Switch:
    return replace(SWITCH, state=SwitchState(), is_answered=lambda: answered)


def told(script: Path) -> str:
    return script.with_name("told").read_text().strip()


@pytest.mark.parametrize(("answered", "word"), [(True, "yes"), (False, "no")])
def test_it_begins_with_the_timer_and_says_who_was_answered(
    script: Path,
    answered: bool,  # noqa: FBT001 -- a parameter of a case
    word: str,
) -> None:
    to = fresh(answered=answered)
    to.begin(HOST)
    assert told(script) == f"alice@laptop deploy {word} {SWITCH.generation} 90"
    assert to.state.until is not None


def test_the_timer_of_a_slow_host_runs_for_longer(script: Path) -> None:
    fresh().begin(replace(HOST, answer_seconds=[4.0]))
    assert told(script).endswith(f" {SWITCH.generation} 130")


def test_a_daemon_is_started_anew_without_a_task(script: Path) -> None:
    to = fresh()
    to.start_anew(HOST)
    assert told(script) == f"alice@laptop - no {SWITCH.generation} 90"
    assert to.state.until is not None


def test_a_switch_that_failed_does_not_wait_to_be_confirmed(script: Path) -> None:
    script.write_text("#!/bin/sh\nexit 1\n")
    to = fresh()
    with pytest.raises(CommandFailed, match="switching failed"):
        to.begin(HOST)
    assert (to.state.begun, to.state.until) == (True, None)


def test_after_it_went_back_nothing_waits(script: Path) -> None:
    to = fresh()
    to.begin(HOST)
    assert to.go_back(HOST) == "rolled back to generation bbbb"
    assert told(script).endswith(f" --back {SWITCH.generation}")
    assert to.state.until is None


def test_where_going_back_fails_the_timer_tries_again(script: Path) -> None:
    to = fresh()
    to.begin(HOST)
    script.write_text("#!/bin/sh\necho chrony.service does not run again >&2\nexit 1\n")
    assert "the host retries it by a timer" in to.go_back(HOST)
    assert to.state.until is not None


def test_the_name_of_the_operator_is_one_word_of_the_command() -> None:
    assert replace(SWITCH, who="al ice").confirmation == (
        f"CHRONY_PROVISION_WHO='al ice' CHRONY_PROVISION_TASK=prove /opt/chrony/switch --confirm {SWITCH.generation}"
    )
