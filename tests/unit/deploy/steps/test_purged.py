"""What is left of a deployment when all is removed: how a host differs."""

import pytest

from provision.deploy.steps import Step
from provision.deploy.steps.purged import Purged

DRIFTS = [
    pytest.param(Purged(), "", None, id="nothing is left"),
    pytest.param(
        Purged(),
        "/opt/chrony\npackages gcc make\naccount _chrony\nfolder /var/lib/chrony",
        "there: /opt/chrony, _chrony, /var/lib/chrony",
        id="packages stay",
    ),
    pytest.param(
        Purged(),
        "/opt/chrony\nfolder /etc/chrony\nfolder /etc/chrony",
        "there: /opt/chrony, /etc/chrony",
        id="made twice",
    ),
]


@pytest.mark.parametrize(("step", "seen", "words"), DRIFTS)
def test_drift(step: Step, seen: str, words: str | None) -> None:
    assert step.drift(seen) == words
