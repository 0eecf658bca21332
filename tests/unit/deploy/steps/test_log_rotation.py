"""The rotation of chronyd's log files: how a host differs."""

import pytest

from provision.deploy.steps import Step
from provision.deploy.steps.log_rotation import ROTATION_FILE, LogRotation
from tests.helpers.step_samples import digest

LOGS = "/var/log/chrony"


DRIFTS = [
    *[
        pytest.param(LogRotation(folder=LOGS, content=content), seen, words, id=f"rotation of {content!r}: {seen}")
        for content, seen, words in [
            ("", "", None),
            ("", "logrotate", None),
            ("", f"logrotate\nours {digest('x')}", f"not needed: {ROTATION_FILE}"),
            ("x", "", None),
            ("x", "logrotate", f"missing: {ROTATION_FILE}"),
            ("x", f"logrotate\nours {digest('x')}", None),
            ("x", f"logrotate\nours {digest('y')}", f"{ROTATION_FILE} differs"),
            ("x", "logrotate\nother /etc/logrotate.d/chrony", None),
            ("x", f"logrotate\nother /etc/logrotate.d/chrony\nours {digest('x')}", f"not needed: {ROTATION_FILE}"),
            ("x", f"ours {digest('x')}", f"not needed: {ROTATION_FILE}"),
            ("x", f"logrotate\nforeign {ROTATION_FILE}", None),
        ]
    ],
]


@pytest.mark.parametrize(("step", "seen", "words"), DRIFTS)
def test_drift(step: Step, seen: str, words: str | None) -> None:
    assert step.drift(seen) == words
