"""The step that starts a generation: how a host differs."""

from dataclasses import replace

import pytest

from provision.deploy.steps import Step
from provision.deploy.steps.active import Active
from tests.helpers.samples import GENERATION, RECIPE
from tests.helpers.step_samples import ACTIVE, BARE, NOT_FOUND, RUNS, SWITCH, TIMESYNCD, digest

WITH_SOCKET = Active(replace(SWITCH, socket_sha256=digest("[Socket]")))
HAS_SOCKET = RUNS.replace("socket unit=none\nsocket=none", f"socket unit={digest('[Socket]')}\nsocket=active")

DRIFTS = [
    pytest.param(ACTIVE, RUNS, None, id="generation runs"),
    pytest.param(ACTIVE, f"{RUNS}\n{NOT_FOUND}", None, id="generation runs, and nobody else"),
    pytest.param(ACTIVE, f"{RUNS}\n{TIMESYNCD}", None, id="another daemon is another step's"),
    pytest.param(ACTIVE, BARE, "nothing deployed", id="bare host"),
    pytest.param(
        ACTIVE,
        f"{BARE}\n{TIMESYNCD}",
        "nothing deployed; stops and masks systemd-timesyncd.service, which is active",
        id="another daemon runs",
    ),
    pytest.param(
        ACTIVE,
        RUNS.replace("ActiveState=active", "ActiveState=failed"),
        "daemon is failed, not active",
        id="daemon failed",
    ),
    pytest.param(
        ACTIVE,
        RUNS.replace("Reload=no", "Reload=yes"),
        "pending daemon-reload is yes, not no",
        id="systemd knows an older unit",
    ),
    pytest.param(
        ACTIVE, RUNS.replace("=enabled", "=disabled"), "start at boot is disabled, not enabled", id="not at boot"
    ),
    pytest.param(
        ACTIVE,
        RUNS.replace(f"running generation={GENERATION.id}", "running generation=0123456789abcdef"),
        f"running generation is 0123456789abcdef, not {GENERATION.id}",
        id="an older process runs on",
    ),
    pytest.param(
        ACTIVE,
        RUNS.replace(GENERATION.id, "aaaa"),
        f"runs generation aaaa, the site wants {GENERATION.id}",
        id="another generation runs",
    ),
    pytest.param(
        Active(replace(SWITCH, task="rollback", wanted_by="the rollback wants")),
        RUNS.replace(GENERATION.id, "aaaa"),
        f"runs generation aaaa, the rollback wants {GENERATION.id}",
        id="a rollback",
    ),
    pytest.param(
        ACTIVE,
        RUNS.replace(f"current=generations/{GENERATION.id}", "current=generations/aaaa"),
        f"current generation is aaaa, running is {GENERATION.id}, the site wants {GENERATION.id}",
        id="the link leads elsewhere",
    ),
    pytest.param(
        ACTIVE,
        RUNS.replace(f"{RECIPE.prefix}/sbin/chronyd", f"{RECIPE.prefix}/sbin/chronyd (deleted)"),
        f"executable is {RECIPE.prefix}/sbin/chronyd (deleted), not {RECIPE.prefix}/sbin/chronyd",
        id="the build was replaced below the process",
    ),
    pytest.param(
        ACTIVE,
        RUNS.replace(digest(GENERATION.unit), "a symlink"),
        f"unit file is a symlink, not {digest(GENERATION.unit)}",
        id="the package's symlink",
    ),
    pytest.param(WITH_SOCKET, HAS_SOCKET, None, id="its socket is open"),
    pytest.param(
        WITH_SOCKET, RUNS, f"socket unit is none, not {digest('[Socket]')}", id="a generation from before sockets runs"
    ),
    pytest.param(ACTIVE, HAS_SOCKET, f"socket unit is {digest('[Socket]')}, not none", id="a socket that it has not"),
    pytest.param(
        WITH_SOCKET,
        HAS_SOCKET.replace("socket=active", "socket=failed"),
        "socket is failed, not active",
        id="its socket was closed",
    ),
    pytest.param(ACTIVE, f"{RUNS}\nmissing folders=", None, id="every folder is there"),
    pytest.param(
        ACTIVE,
        f"{RUNS}\nmissing folders=/run/chrony /var/lib/chrony ",
        "missing or open to others: /run/chrony /var/lib/chrony, which a restart mends",
        id="a purged package took folders away",
    ),
]


@pytest.mark.parametrize(("step", "seen", "words"), DRIFTS)
def test_drift(step: Step, seen: str, words: str | None) -> None:
    assert step.drift(seen) == words
