"""The unit with which boot waits for the clock: how a host differs."""

import pytest

from provision.deploy.steps import Step
from provision.deploy.steps.boot_wait import WAIT_UNIT, BootWaits
from tests.helpers.step_samples import digest

DRIFTS = [
    pytest.param(BootWaits(""), "missing", None, id="no wait as wanted"),
    pytest.param(BootWaits(""), f"{digest('x')} enabled", f"{WAIT_UNIT} is there", id="a wait that is not asked for"),
    pytest.param(BootWaits("x"), "missing", f"missing: {WAIT_UNIT}", id="no wait yet"),
    pytest.param(BootWaits("x"), f"{digest('y')} enabled", f"{WAIT_UNIT} differs", id="another wait"),
    pytest.param(
        BootWaits("x"), f"{digest('x')} disabled", f"{WAIT_UNIT} does not start at boot", id="a wait disabled"
    ),
    pytest.param(BootWaits("x"), f"{digest('x')} enabled", None, id="wait as wanted"),
    pytest.param(BootWaits(""), "foreign", None, id="a unit of that name that the administrator wrote stays"),
    pytest.param(
        BootWaits("x"),
        "foreign",
        f"{WAIT_UNIT} is the administrator's own: move it away, or leave service.wait out of the site",
        id="a unit of that name that the administrator wrote is not replaced",
    ),
]


@pytest.mark.parametrize(("step", "seen", "words"), DRIFTS)
def test_drift(step: Step, seen: str, words: str | None) -> None:
    assert step.drift(seen) == words
