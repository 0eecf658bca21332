"""Every step: what it is called, how a host differs, by real answers, and what is shown of that."""

import pytest

from provision.steps import Step
from provision.steps.links import Links
from provision.steps.others import OthersStopped, others_in
from provision.steps.purged import Purged
from tests.booted import assert_nowhere
from tests.sample import GENERATION, RECIPE, SECRET
from tests.stepping import (
    ACTIVE,
    AT_HAND,
    BARE,
    BUILT,
    CONFIRMED,
    FILE,
    NOT_AT_HAND,
    NOT_FOUND,
    OTHER,
    PACKAGES,
    REHEARSED,
    RESTORED,
    RUNS,
    STAGED,
    USER,
    digest,
)

STEPS = [
    FILE,
    BUILT,
    PACKAGES,
    STAGED,
    REHEARSED,
    ACTIVE,
    CONFIRMED,
    USER,
    OthersStopped(),
    Links(),
    AT_HAND,
    RESTORED,
    Purged(),
]


HOLDS = "\n".join(
    (
        f"build ../../builds/{RECIPE.name}",
        f"{digest(GENERATION.conf)}  chrony.conf",
        f"{digest(GENERATION.keys.text)}  chrony.keys",
        f"{digest(GENERATION.unit)}  chronyd.service",
        "chrony.keys 0640 root:_chrony",
    )
)
CURRENT = f"==> chrony.conf\n{GENERATION.conf}==> chronyd.service\n{GENERATION.unit}".rstrip("\n")


TIMESYNCD = "systemd-timesyncd.service|loaded|active|enabled|/lib/systemd/system/systemd-timesyncd.service"


DRIFTS = [
    pytest.param(FILE, f"0755 root:root\n{digest(FILE.content)}  -\n#!/bin/sh", None, id="file as wanted"),
    pytest.param(FILE, "missing", "missing", id="file missing"),
    pytest.param(FILE, "symlink", "a symlink is in its place", id="file is a symlink"),
    pytest.param(FILE, f"0755 root:root\n{digest('#!/bin/bash')}  -\n#!/bin/bash", "content differs", id="content"),
    pytest.param(
        FILE,
        f"0644 root:root\n{digest(FILE.content)}  -\n#!/bin/sh",
        "mode and owner are 0644 root:root, not 0755 root:root",
        id="file mode",
    ),
    pytest.param(
        FILE,
        f"0755 chrony:root\n{digest(FILE.content)}  -\n#!/bin/sh",
        "mode and owner are 0755 chrony:root, not 0755 root:root",
        id="file owner",
    ),
    pytest.param(BUILT, f"{RECIPE.receipt}\nintact", None, id="build as wanted"),
    pytest.param(BUILT, "missing", "no finished build of this recipe", id="no build"),
    pytest.param(BUILT, f"{RECIPE.receipt}\ndamaged", "its files are not as they were installed", id="build damaged"),
    pytest.param(BUILT, f"{OTHER.receipt}\nintact", "its receipt is another recipe's", id="another receipt"),
    pytest.param(BUILT, "\nintact", "its receipt is another recipe's", id="receipt empty"),
    pytest.param(
        BUILT, f"{RECIPE.receipt}\n{RECIPE.receipt}\nintact", "its receipt is another recipe's", id="two lines"
    ),
    pytest.param(PACKAGES, "", None, id="packages there"),
    pytest.param(PACKAGES, "built", None, id="no compiler once it is built"),
    pytest.param(PACKAGES, "gcc\nmake", "missing: gcc make", id="packages missing"),
    pytest.param(AT_HAND, "build", None, id="source at hand"),
    pytest.param(NOT_AT_HAND, "built", None, id="no source once it is built"),
    pytest.param(NOT_AT_HAND, "build", "not in the store: nettle 3.10.2", id="source not at hand"),
    pytest.param(STAGED, f"==> generation\n{HOLDS}\n{CURRENT}", None, id="generation as wanted"),
    pytest.param(
        STAGED, "==> generation\nmissing\n==> chrony.conf\n==> chronyd.service", "not there yet", id="no generation"
    ),
    pytest.param(
        STAGED,
        f"==> generation\n{HOLDS.replace('0640', '0644')}\n{CURRENT}",
        "differs: chrony.keys",
        id="keys that others may read",
    ),
    pytest.param(
        STAGED,
        f"==> generation\n{HOLDS.replace('root:_chrony', 'root:root')}\n{CURRENT}",
        "differs: chrony.keys",
        id="keys that chronyd cannot read",
    ),
    pytest.param(
        STAGED,
        f"==> generation\nbuild /nowhere\n{digest('')}  chrony.conf\n{CURRENT}",
        "differs: build chrony.conf chrony.keys chronyd.service",
        id="everything differs",
    ),
    pytest.param(REHEARSED, "rehearsed", None, id="generation rehearsed"),
    pytest.param(REHEARSED, "new", "not tried yet", id="generation never tried"),
    pytest.param(ACTIVE, RUNS, None, id="generation runs"),
    pytest.param(ACTIVE, f"{RUNS}\n{NOT_FOUND}", None, id="generation runs, and nobody else"),
    pytest.param(ACTIVE, f"{RUNS}\n{TIMESYNCD}", None, id="another daemon is another step's"),
    pytest.param(ACTIVE, BARE, f"current is nothing, not generations/{GENERATION.id}", id="bare host"),
    pytest.param(
        ACTIVE,
        f"{BARE}\n{TIMESYNCD}",
        f"current is nothing, not generations/{GENERATION.id}; "
        "stops and masks systemd-timesyncd.service, which is active",
        id="another daemon runs",
    ),
    pytest.param(
        ACTIVE,
        RUNS.replace("ActiveState=active", "ActiveState=failed"),
        "daemon is failed, not active",
        id="daemon failed",
    ),
    pytest.param(
        ACTIVE, RUNS.replace("Reload=no", "Reload=yes"), "unit reload is yes, not no", id="systemd knows an older unit"
    ),
    pytest.param(ACTIVE, RUNS.replace("=enabled", "=disabled"), "at boot is disabled, not enabled", id="not at boot"),
    pytest.param(
        ACTIVE,
        RUNS.replace(f"running generation={GENERATION.id}", "running generation=0123456789abcdef"),
        f"running generation is 0123456789abcdef, not {GENERATION.id}",
        id="an older process runs on",
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
    pytest.param(CONFIRMED, f"unconfirmed=\ncurrent={GENERATION.id}", None, id="nothing waits to be confirmed"),
    pytest.param(
        CONFIRMED,
        f"unconfirmed={GENERATION.id}\ncurrent={GENERATION.id}",
        f"{GENERATION.id} waits to be confirmed",
        id="it waits to be confirmed",
    ),
    pytest.param(CONFIRMED, "unconfirmed=\ncurrent=", "it does not run yet", id="nothing to confirm yet"),
    pytest.param(RESTORED, "", None, id="nothing of ours is in charge"),
    pytest.param(
        RESTORED,
        "/opt/chrony/current\n/usr/local/bin/chronyc",
        "ours: /opt/chrony/current /usr/local/bin/chronyc",
        id="we are in charge",
    ),
    pytest.param(Purged(), "", None, id="nothing is left"),
    pytest.param(
        Purged(),
        "/opt/chrony\npackages gcc make\naccount _chrony\nfolder /var/lib/chrony",
        "there: /opt/chrony, _chrony, /var/lib/chrony",
        id="packages stay",
    ),
    pytest.param(USER, "there", None, id="account there"),
    pytest.param(USER, "missing", "missing", id="account missing"),
    pytest.param(OthersStopped(), NOT_FOUND, None, id="no rival"),
    pytest.param(
        OthersStopped(), f"{NOT_FOUND}\n{TIMESYNCD}", "systemd-timesyncd.service is active, enabled", id="timesyncd"
    ),
    pytest.param(Links(), "", None, id="links there"),
    pytest.param(Links(), "/usr/local/bin/chronyc", "missing: /usr/local/bin/chronyc", id="link missing"),
]


@pytest.mark.parametrize(("step", "seen", "words"), DRIFTS)
def test_drift(step: Step, seen: str, words: str | None) -> None:
    assert step.drift(seen) == words


TITLES = [
    "/opt/chrony/switch",
    "chrony 4.9 with nettle 3.10.2 built",
    "packages to build with",
    f"generation {GENERATION.id} staged and valid",
    f"generation {GENERATION.id} rehearsed",
    f"generation {GENERATION.id} running",
    f"generation {GENERATION.id} proven and confirmed",
    "account _chrony",
    "other time daemons stopped and masked",
    "links in /usr/local and /etc/chrony",
    "source of nettle 3.10.2 and chrony 4.9 at hand",
    "time service as it was before the first deployment",
    "builds, generations, keys, state and account removed",
]


@pytest.mark.parametrize(("step", "title"), list(zip(STEPS, TITLES, strict=True)), ids=TITLES)
def test_a_step_is_called(step: Step, title: str) -> None:
    assert step.title == title


@pytest.mark.parametrize("step", STEPS, ids=TITLES)
def test_no_secret_is_in_a_question_or_shown(step: Step) -> None:
    assert_nowhere(SECRET, step.look(), step.title, repr(step))


MASKED = "chrony.service|masked|inactive|masked|/dev/null"
RIVALS = [
    pytest.param(NOT_FOUND, (), id="none"),
    pytest.param(MASKED, (), id="masked"),
    pytest.param(TIMESYNCD, (("systemd-timesyncd.service", "active", "enabled"),), id="active"),
    pytest.param(
        TIMESYNCD.replace("active|enabled", "inactive|disabled"),
        (("systemd-timesyncd.service", "inactive", "disabled"),),
        id="idle and disabled, but an upgrade could start it",
    ),
    pytest.param(
        "ntp.service|loaded|failed||/run/systemd/generator.late/ntp.service",
        (("ntp.service", "failed", "static"),),
        id="SysV",
    ),
    pytest.param(
        "ntp.service|loaded|inactive|disabled|/etc/systemd/system/ntp.service", (), id="the admin's, disabled"
    ),
    pytest.param(
        "ntp.service|loaded|inactive|enabled|/etc/systemd/system/ntp.service",
        (("ntp.service", "inactive", "enabled"),),
        id="the admin's, enabled",
    ),
    pytest.param(
        "ntp.service|loaded|active|disabled|/etc/systemd/system/ntp.service",
        (("ntp.service", "active", "disabled"),),
        id="the admin's, started by hand",
    ),
    pytest.param("chronyd.service|loaded|active|enabled|/etc/systemd/system/chronyd.service", (), id="we are no rival"),
    pytest.param(f"{TIMESYNCD}\n{TIMESYNCD}", (("systemd-timesyncd.service", "active", "enabled"),), id="seen twice"),
]


@pytest.mark.parametrize(("seen", "rivals"), RIVALS)
def test_rivals(seen: str, rivals: tuple[tuple[str, str, str], ...]) -> None:
    assert others_in(seen) == rivals


def test_a_diff_shows_configuration_and_unit_and_no_key() -> None:
    conf = GENERATION.conf.replace("pool pool.ntp.org iburst", "pool old.example iburst")
    unit = GENERATION.unit.replace(GENERATION.id, "0123456789abcdef")
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
@@ -1,2 +1,2 @@
 [Service]
-Environment=CHRONY_GENERATION=0123456789abcdef
+Environment=CHRONY_GENERATION={GENERATION.id}"""
    )
    assert_nowhere(SECRET, diff)


def test_a_diff_against_a_bare_host_adds_every_line() -> None:
    diff = STAGED.diff("==> generation\nmissing\n==> chrony.conf\n==> chronyd.service")
    assert [line for line in diff.splitlines() if line.startswith("+p")] == ["+pool pool.ntp.org iburst"]
    assert_nowhere(SECRET, diff)


def test_nothing_but_another_key_is_an_empty_diff() -> None:
    assert STAGED.diff(f"==> generation\nmissing\n{CURRENT}") == ""


FILE_DIFFS = [
    pytest.param(
        "missing", "--- /opt/chrony/switch\n+++ /opt/chrony/switch (new)\n@@ -0,0 +1 @@\n+#!/bin/sh", id="new"
    ),
    pytest.param(
        f"0755 root:root\n{digest('#!/bin/bash')}  -\n#!/bin/bash",
        "--- /opt/chrony/switch\n+++ /opt/chrony/switch (new)\n@@ -1 +1 @@\n-#!/bin/bash\n+#!/bin/sh",
        id="other",
    ),
    pytest.param(f"0644 root:root\n{digest('#!/bin/sh')}  -\n#!/bin/sh", "", id="only its mode"),
]


@pytest.mark.parametrize(("seen", "diff"), FILE_DIFFS)
def test_the_diff_of_a_file(seen: str, diff: str) -> None:
    assert FILE.diff(seen) == diff


def test_a_daemon_that_is_masked_and_runs_all_the_same_is_a_rival() -> None:
    seen = "systemd-timesyncd.service|masked|active|masked|\nntp.service|not-found|inactive||\n"
    assert OthersStopped().drift(seen) == "systemd-timesyncd.service is active, masked"
