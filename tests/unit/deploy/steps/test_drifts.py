"""How a host differs from each step, by real answers."""

import pytest

from provision.deploy.steps import Step
from provision.deploy.steps.conflicting_services import ConflictsStopped, NoForeignProcess
from provision.deploy.steps.links import Links
from tests.helpers.samples import GENERATION
from tests.helpers.step_answers import CURRENT, WAITS
from tests.helpers.step_samples import (
    AT_HAND,
    BUILT,
    CONFIRMED,
    NOT_AT_HAND,
    NOT_FOUND,
    OTHER,
    PACKAGES,
    REHEARSED,
    RESTORED,
    RUNS,
    STAGED,
    SUMS,
    TIMESYNCD,
    USER,
    build_tree,
    digest,
    generation_tree,
)

DRIFTS = [
    pytest.param(BUILT, "missing", "no finished build of this recipe", id="no build"),
    pytest.param(BUILT, f"==> tree\n{build_tree()}\n==> sums\n{SUMS}", None, id="build as wanted"),
    pytest.param(
        BUILT,
        f"==> tree\n{build_tree()}\n==> sums\n{SUMS.replace(digest('chronyd'), digest('another'))}",
        "sbin/chronyd has another content",
        id="build damaged",
    ),
    pytest.param(
        BUILT,
        f"==> tree\n{build_tree(OTHER.receipt)}\n==> sums\n{SUMS}",
        "receipt.json has another content",
        id="another receipt",
    ),
    pytest.param(PACKAGES, "", None, id="packages there"),
    pytest.param(PACKAGES, "built", None, id="no compiler once it is built"),
    pytest.param(PACKAGES, "gcc\nmake", "missing: gcc make", id="packages missing"),
    pytest.param(AT_HAND, "build", None, id="source at hand"),
    pytest.param(NOT_AT_HAND, "built", None, id="no source once it is built"),
    pytest.param(NOT_AT_HAND, "build", "not in the store: nettle 3.10.2", id="source not at hand"),
    pytest.param(STAGED, f"==> generation\n{generation_tree()}\n{CURRENT}", None, id="generation as wanted"),
    pytest.param(
        STAGED, "==> generation\nmissing\n==> chrony.conf\n==> chronyd.service", "not uploaded yet", id="no generation"
    ),
    pytest.param(
        STAGED,
        f"==> generation\n{generation_tree().replace('0640', '0644')}\n{CURRENT}",
        "chrony.keys has mode 0644, not 0640",
        id="keys that others may read",
    ),
    pytest.param(
        STAGED,
        f"==> generation\n{generation_tree().replace('root:_chrony', 'root:root')}\n{CURRENT}",
        "chrony.keys belongs to root:root, not to root:_chrony",
        id="keys that chronyd cannot read",
    ),
    pytest.param(REHEARSED, "rehearsed", None, id="generation rehearsed"),
    pytest.param(REHEARSED, "new", "not rehearsed yet", id="generation never tried"),
    pytest.param(CONFIRMED, f"current={GENERATION.id}", None, id="nothing waits to be confirmed"),
    pytest.param(
        CONFIRMED,
        f"{WAITS}\ncurrent={GENERATION.id}",
        "unconfirmed: the host goes back to generation bbbb at 20:01:30 UTC by its clock, in 60 s",
        id="it waits to be confirmed",
    ),
    pytest.param(CONFIRMED, "current=", "not running yet", id="nothing to confirm yet"),
    pytest.param(
        CONFIRMED,
        f"{WAITS.replace(GENERATION.id, 'aaaa')}\ncurrent=aaaa",
        "not running yet; generation aaaa is unconfirmed: the host goes back to generation bbbb at 20:01:30 UTC by its "
        "clock, in 60 s",
        id="another generation waits",
    ),
    pytest.param(RESTORED, "", None, id="nothing of ours is in charge"),
    pytest.param(
        RESTORED,
        "/opt/chrony/current\n/usr/local/bin/chronyc",
        "ours: /opt/chrony/current /usr/local/bin/chronyc",
        id="we are in charge",
    ),
    pytest.param(USER, "there", None, id="account there"),
    pytest.param(USER, "missing", "missing", id="account missing"),
    pytest.param(NoForeignProcess(), f"{RUNS}\n{TIMESYNCD}", None, id="no foreign process"),
    pytest.param(
        NoForeignProcess(),
        f"{RUNS}\nprocess|4711|/usr/sbin/chronyd|session-3.scope|port pidfile",
        "/usr/sbin/chronyd (pid 4711, in session-3.scope) has UDP port 123 and is named in /run/chrony/chronyd.pid: "
        "a deployment refuses until that has ended (kill 4711)",
        id="a chronyd that was started by hand",
    ),
    pytest.param(ConflictsStopped(), NOT_FOUND, None, id="no rival"),
    pytest.param(
        ConflictsStopped(), f"{NOT_FOUND}\n{TIMESYNCD}", "systemd-timesyncd.service is active, enabled", id="timesyncd"
    ),
    pytest.param(Links(), "", None, id="links there"),
    pytest.param(Links(), "/usr/local/bin/chronyc", "missing: /usr/local/bin/chronyc", id="link missing"),
    pytest.param(Links(), "other /usr/local/bin/chronyc", None, id="another program stays"),
    pytest.param(
        Links(replace=True),
        "/etc/chrony/chrony.conf\nother /usr/local/bin/chronyc",
        "missing: /etc/chrony/chrony.conf; replaces /usr/local/bin/chronyc, kept in /opt/chrony/replaced for uninstall",
        id="another program is replaced",
    ),
]


@pytest.mark.parametrize(("step", "seen", "words"), DRIFTS)
def test_drift(step: Step, seen: str, words: str | None) -> None:
    assert step.drift(seen) == words


def test_a_daemon_that_is_masked_and_runs_all_the_same_is_a_rival() -> None:
    seen = "systemd-timesyncd.service|masked|active|masked|\nntp.service|not-found|inactive||\n"
    assert ConflictsStopped().drift(seen) == "systemd-timesyncd.service is active, masked"
