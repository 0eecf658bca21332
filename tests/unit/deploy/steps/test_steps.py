"""Every step: what it is called, how a host differs, by real answers, and what is shown of that."""
# ruff: noqa: FBT001 -- a parameter of a case

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.errors import ParseError
from provision.common.text import MINUS
from provision.deploy import converge
from provision.deploy.phases import key_usage
from provision.deploy.steps import Step
from provision.deploy.steps.boot_wait import BootWaits
from provision.deploy.steps.chrony_conf_needs import NeedsMet
from provision.deploy.steps.conflicting_services import ConflictsStopped, NoForeignProcess
from provision.deploy.steps.file_systems import FileSystems
from provision.deploy.steps.firewall import FirewallOpen
from provision.deploy.steps.links import Links
from provision.deploy.steps.log_rotation import LogRotation
from provision.deploy.steps.metrics_textfile import MetricsTextfile
from provision.deploy.steps.packages import Purpose
from provision.deploy.steps.purged import Purged
from provision.deploy.steps.timedatectl import DeclaredToTimedated
from provision.deploy.steps.unit_overrides import NotOverridden
from provision.site.schema import Keys, Site
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.samples import GENERATION, RECIPE, SECRET
from tests.helpers.step_samples import (
    ACTIVE,
    AS_UNIT_SAYS,
    AT_HAND,
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
    RESTORED,
    RUNS,
    STAGED,
    SUMS,
    TIMESYNCD,
    UNALTERED,
    USER,
    build_tree,
    digest,
    generation_tree,
)

LOGS = "/var/log/chrony"
METRICS = MetricsTextfile(folder="/srv/metrics", service="s", timer="t", script="x")
WAITS = f"generation={GENERATION.id}\nfallback=bbbb\nreverts=2026-11-22T20:01:30Z\nnow=2026-11-22T20:00:30Z"
"""As print_unconfirmed.sh says it."""

STEPS = [
    FILE,
    BUILT,
    PACKAGES,
    STAGED,
    REHEARSED,
    ACTIVE,
    UNALTERED,
    CONFIRMED,
    USER,
    NoForeignProcess(),
    ConflictsStopped(),
    Links(),
    DeclaredToTimedated(),
    BootWaits("[Unit]\n"),
    BootWaits(""),
    LogRotation(folder=LOGS, content=""),
    LogRotation(folder=LOGS, content="x"),
    key_usage(Site()),
    key_usage(Site(keys=Keys(usage=True))),
    MetricsTextfile(),
    METRICS,
    AT_HAND,
    RESTORED,
    Purged(),
]


CURRENT = f"==> chrony.conf\n{GENERATION.conf}==> chronyd.service\n{GENERATION.unit}".rstrip("\n")


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


TITLES = [
    "/opt/chrony/switch",
    "chrony 4.9 with nettle 3.10.2 built",
    "packages to build with",
    f"generation {GENERATION.id} uploaded and validated",
    f"generation {GENERATION.id} rehearsed",
    f"generation {GENERATION.id} running",
    f"daemon of generation {GENERATION.id} unaltered",
    f"generation {GENERATION.id} proven and confirmed",
    "account _chrony",
    "no other process has the NTP port or steers the clock",
    "other time daemons stopped and masked",
    "links in /usr/local and /etc/chrony",
    "chronyd registered with timedatectl",
    "boot waits for the clock",
    "boot does not wait for the clock",
    "rotation of chronyd's log files",
    "rotation of chronyd's log files",
    "no count of answers by key",
    "count of answers by key",
    "no metrics for node_exporter",
    "metrics for node_exporter",
    "source of nettle 3.10.2 and chrony 4.9 available",
    "time service as it was before the first deployment",
    "builds, generations, keys, state and account removed",
]


@pytest.mark.parametrize(("step", "title"), list(zip(STEPS, TITLES, strict=True)), ids=TITLES)
def test_a_step_is_called(step: Step, title: str) -> None:
    assert step.title == title


IDS = [
    (FILE, "switch-script", True),
    (BUILT, "build", True),
    (PACKAGES, "build-packages", True),
    (replace(PACKAGES, purpose=Purpose.RUN), "run-packages", True),
    (STAGED, "staged", True),
    (REHEARSED, "rehearsed", True),
    (ACTIVE, "active", True),
    (AS_UNIT_SAYS, "process-as-unit", True),
    (UNALTERED, "daemon-unaltered", True),
    (CONFIRMED, "confirmed", True),
    (USER, "account", True),
    (FileSystems(RECIPE.prefix, 150), "build-file-systems", False),
    (FileSystems(RECIPE.prefix, 0, GENERATION.id), "file-systems", False),
    (NotOverridden(GENERATION.unit), "unit-overrides", False),
    (NoForeignProcess(), "foreign-processes", False),
    (NeedsMet(GENERATION.conf, "_chrony"), "chrony-conf-needs", False),
    (FirewallOpen(), "firewall", True),
    (ConflictsStopped(), "conflicting-services", True),
    (Links(), "links", True),
    (DeclaredToTimedated(), "timedatectl", True),
    (BootWaits(""), "boot-wait", True),
    (LogRotation(folder=LOGS, content=""), "log-rotation", True),
    (key_usage(Site()), "key-usage", True),
    (METRICS, "metrics-textfile", True),
    (AT_HAND, "source", False),
    (RESTORED, "restored", True),
    (Purged(), "purged", True),
]


@pytest.mark.parametrize(("step", "id_", "changes_host"), IDS, ids=[id_ for _, id_, _ in IDS])
def test_a_step_has_an_id_and_says_whether_it_changes_the_host(step: Step, id_: str, changes_host: bool) -> None:
    assert (step.id, step.changes_host) == (id_, changes_host)


NAMED_OTHERWISE = {"switch-script": "file", "foreign-processes": "conflicting_services", "key-usage": "units"}


@pytest.mark.parametrize(("step", "id_"), [(step, id_) for step, id_, _ in IDS], ids=[id_ for _, id_, _ in IDS])
def test_a_step_is_in_the_file_that_its_id_names(step: Step, id_: str) -> None:
    file = type(step).__module__.rpartition(".")[2]
    assert file == NAMED_OTHERWISE.get(id_) or set(file.split("_")) <= set(id_.split("-"))


def test_the_ids_of_all_steps_differ() -> None:
    ids = [id_ for _, id_, _ in IDS]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("step", STEPS, ids=TITLES)
def test_no_secret_is_in_a_question_or_shown(step: Step) -> None:
    assert_nowhere(SECRET, step.look(), step.title, repr(step))


def test_a_diff_shows_configuration_and_unit_and_no_key() -> None:
    conf = GENERATION.conf.replace("pool pool.ntp.org iburst", "pool old.example iburst")
    unit = GENERATION.unit.replace(GENERATION.id, "0123456789abcdef").replace("User=_chrony", "User=root")
    seen = f"==> generation\nmissing\n==> chrony.conf\n{conf}==> chronyd.service\n{unit}"
    diff = STAGED.diff(seen)
    assert (
        diff
        == f"""\
--- chrony.conf
+++ chrony.conf (new)
@@ -1,2 +1,2 @@
-pool old.example iburst
+pool pool.ntp.org iburst
 keyfile /opt/chrony/current/chrony.keys
--- chronyd.service
+++ chronyd.service (new)
@@ -1,5 +1,5 @@
 [Service]
 Environment=CHRONY_GENERATION={GENERATION.id}
-User=root
+User=_chrony
 ExecStart=/opt/chrony/current/build/sbin/chronyd -n -U -f /opt/chrony/current/chrony.conf
 CapabilityBoundingSet=CAP_SYS_TIME CAP_NET_BIND_SERVICE"""
    )
    assert_nowhere(SECRET, diff)


def test_a_diff_against_a_bare_host_adds_every_line() -> None:
    diff = STAGED.diff("==> generation\nmissing\n==> chrony.conf\n==> chronyd.service")
    assert [line for line in diff.splitlines() if line.startswith("+p")] == ["+pool pool.ntp.org iburst"]
    assert_nowhere(SECRET, diff)


def test_nothing_but_another_key_is_an_empty_diff() -> None:
    assert STAGED.diff(f"==> generation\nmissing\n{CURRENT}") == ""


def test_a_daemon_that_is_masked_and_runs_all_the_same_is_a_rival() -> None:
    seen = "systemd-timesyncd.service|masked|active|masked|\nntp.service|not-found|inactive||\n"
    assert ConflictsStopped().drift(seen) == "systemd-timesyncd.service is active, masked"


LINES_OF_ANSWERS = st.sampled_from(
    [
        *generation_tree().splitlines(),
        *build_tree().splitlines(),
        *RUNS.splitlines(),
        "missing",
        "==> generation",
        "current=",
        "a|b|c|d|e",
        "generation=x",
        "=",
    ]
)


@pytest.mark.parametrize("step", STEPS, ids=TITLES)
@given(seen=st.text() | st.lists(LINES_OF_ANSWERS | st.text(max_size=9)).map("\n".join))
def test_no_answer_raises_anything_but_a_parse_error(step: Step, seen: str) -> None:
    for ask in (converge._drift, converge._diff, converge._notes):
        with suppress(ParseError):
            ask(HOST, step, seen)
    with suppress(ParseError):
        converge._changes(HOST, step, seen, "drift")
