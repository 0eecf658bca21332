"""The list of time services that timedatectl reads: how a host differs."""

import pytest

from provision.deploy.steps import Step
from provision.deploy.steps.timedatectl import DeclaredToTimedated

DRIFTS = [
    pytest.param(DeclaredToTimedated(), "chronyd.service", None, id="known to timedatectl"),
    pytest.param(
        DeclaredToTimedated(),
        "missing",
        "missing: /etc/systemd/ntp-units.d/10-chrony-provision.list",
        id="not known to timedatectl",
    ),
    pytest.param(
        DeclaredToTimedated(),
        "ntp.service",
        "/etc/systemd/ntp-units.d/10-chrony-provision.list differs",
        id="another service known to timedatectl",
    ),
]


@pytest.mark.parametrize(("step", "seen", "words"), DRIFTS)
def test_drift(step: Step, seen: str, words: str | None) -> None:
    assert step.drift(seen) == words
