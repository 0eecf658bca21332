"""The changes that a plan names for each step, by real answers."""

from dataclasses import replace

import pytest

from provision.common.text import MINUS
from provision.deploy.steps import Step
from provision.deploy.steps.conflicting_services import ConflictsStopped, NoForeignProcess
from provision.deploy.steps.links import Links
from provision.deploy.steps.timedatectl import DeclaredToTimedated
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.samples import GENERATION, SECRET
from tests.helpers.step_answers import CURRENT
from tests.helpers.step_samples import (
    ACTIVE,
    BARE,
    BUILT,
    CONFIRMED,
    FILE,
    HOST,
    NOT_AT_HAND,
    NOT_FOUND,
    OTHER,
    PACKAGES,
    REHEARSED,
    RUNS,
    STAGED,
    SUMS,
    TIMESYNCD,
    USER,
    build_tree,
    generation_tree,
)

FOREIGN = (
    "/usr/sbin/ntpd (pid 7, in session-3.scope) has UDP port 123: a deployment refuses until that has ended (kill 7)"
)

PACKAGE = """\
==> configuration of a package
service=chrony.service
kind=chrony
file=/etc/chrony/chrony.conf
own=yes
>confdir /etc/chrony/conf.d
>pool 2.debian.pool.ntp.org
>keyfile /etc/chrony/chrony.keys
file=/etc/chrony/conf.d/own.conf
own=no
>allow 10.0.0.0/8
keys=/etc/chrony/chrony.keys
own=no
>12 AES128
>13 MD5
finished"""

BARE_STAGED = replace(STAGED, keys_there=lambda _: None)

CHANGES = [
    pytest.param(FILE, "missing", ["+ /opt/chrony/switch"], id="file"),
    pytest.param(BUILT, "missing", ["+ build: chrony 4.9, nettle 3.10.2"], id="no build"),
    pytest.param(
        BUILT,
        f"==> tree\n{build_tree(OTHER.receipt)}\n==> sums\n{SUMS}",
        ["~ build: chrony 4.9, nettle 3.10.2 (receipt.json has another content)"],
        id="build damaged",
    ),
    pytest.param(PACKAGES, "gcc\nmake", ["+ packages: gcc make"], id="packages missing"),
    pytest.param(NOT_AT_HAND, "build", ["+ tarball of nettle 3.10.2"], id="source not at hand"),
    pytest.param(
        BARE_STAGED,
        "==> generation\nmissing\n==> chrony.conf\n==> chronyd.service",
        ["+ chrony.conf: pool pool.ntp.org; 0 more directives", "+ keys: 1", "+ chronyd.service"],
        id="bare host",
    ),
    pytest.param(
        BARE_STAGED,
        f"==> generation\nmissing\n==> chrony.conf\n==> chronyd.service\n{PACKAGE}",
        [
            "~ chrony.conf: pool 2.debian.pool.ntp.org → pool pool.ntp.org",
            "~ access: 10.0.0.0/8 → nobody (narrower)",
            f"~ keys: + 1   {MINUS} 12-13",
            "+ chronyd.service",
        ],
        id="a package was there, with files that its configuration includes",
    ),
    pytest.param(
        BARE_STAGED,
        "==> generation\nmissing\n==> chrony.conf\n==> chronyd.service\n==> configuration of a package\n"
        "service=chrony.service\nkind=chrony\nfinished",
        ["+ chrony.conf: pool pool.ntp.org; 0 more directives", "+ keys: 1", "+ chronyd.service"],
        id="a package without files",
    ),
    pytest.param(
        STAGED,
        f"==> generation\n{generation_tree().replace('0640', '0644')}\n{CURRENT}",
        ["~ generation: chrony.keys has mode 0644, not 0640"],
        id="files of a generation were altered",
    ),
    pytest.param(REHEARSED, "new", ["+ rehearsal"], id="rehearsal"),
    pytest.param(CONFIRMED, "current=", ["+ proof"], id="proof"),
    pytest.param(USER, "missing", ["+ account _chrony"], id="account"),
    pytest.param(
        ACTIVE,
        f"{BARE}\n{TIMESYNCD}",
        ["+ switch", "! replaces: systemd-timesyncd.service (active): stopped and masked until uninstall"],
        id="a first switch",
    ),
    pytest.param(ACTIVE, RUNS.replace(GENERATION.id, "aaaa"), ["+ switch"], id="a switch"),
    pytest.param(
        ACTIVE,
        RUNS.replace("ActiveState=active", "ActiveState=failed"),
        ["~ restart: daemon is failed, not active"],
        id="a restart",
    ),
    pytest.param(
        ACTIVE,
        f"{RUNS}\nmissing folders=/run/chrony ",
        ["~ restart: missing: /run/chrony"],
        id="a restart for a folder",
    ),
    pytest.param(
        NoForeignProcess(),
        f"{RUNS}\nprocess|7|/usr/sbin/ntpd|session-3.scope|port",
        [f"! refused: {FOREIGN}"],
        id="a refusal",
    ),
    pytest.param(
        ConflictsStopped(),
        f"{NOT_FOUND}\n{TIMESYNCD}",
        ["! replaces: systemd-timesyncd.service is active, enabled: stopped and masked"],
        id="a rival that was started later",
    ),
    pytest.param(Links(), "/usr/local/bin/chronyc", ["+ 1 link"], id="a link"),
    pytest.param(
        Links(replace=True),
        "/a\n/b\nother /usr/local/bin/chronyc",
        ["+ 2 links", "! replaces: /usr/local/bin/chronyc, kept in /opt/chrony/replaced until uninstall"],
        id="links and an older program",
    ),
    pytest.param(DeclaredToTimedated(), "missing", ["+ timedatectl"], id="timedatectl"),
]


@pytest.mark.parametrize(("step", "seen", "lines"), CHANGES)
def test_changes(step: Step, seen: str, lines: list[str]) -> None:
    drift = step.drift(seen)
    assert drift is not None
    found = step.changes(HOST, seen, drift)
    said = [f"{one.sign} {one.subject}: {one.text}".removesuffix(": ") for one in found]
    assert said == lines
    assert [one.minor for one in found] == [not one.text for one in found]
    assert_nowhere(SECRET, repr(found))
