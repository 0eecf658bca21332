"""Every step: what it is called, its id, and that no answer of a host reveals or breaks anything."""
# ruff: noqa: FBT001 -- a parameter of a case

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.errors import ParseError
from provision.deploy import converge
from provision.deploy.nts_renewal import nts_renewal
from provision.deploy.phases import key_usage
from provision.deploy.saved_measurements import saved_measurements
from provision.deploy.steps import Step
from provision.deploy.steps.boot_wait import BootWaits
from provision.deploy.steps.chrony_conf_needs import NeedsMet
from provision.deploy.steps.clock_set import ClockSet
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
from tests.helpers.samples import FACTS, GENERATION, RECIPE, SECRET
from tests.helpers.step_answers import LOGS, METRICS
from tests.helpers.step_samples import (
    ACTIVE,
    AS_UNIT_SAYS,
    AT_HAND,
    BUILT,
    CONFIRMED,
    FILE,
    HOST,
    PACKAGES,
    REHEARSED,
    RESTORED,
    RUNS,
    STAGED,
    SWITCH,
    UNALTERED,
    USER,
    build_tree,
    generation_tree,
)

SAVED = saved_measurements(replace(SWITCH, socket_sha256="0" * 64), FACTS)
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
    SAVED,
    nts_renewal(Site(), FACTS, None),
    MetricsTextfile(),
    METRICS,
    AT_HAND,
    RESTORED,
    Purged(),
    ClockSet(),
]

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
    "measurements saved for a crash",
    "no renewal of the certificate",
    "no metrics for node_exporter",
    "metrics for node_exporter",
    "source of nettle 3.10.2 and chrony 4.9 available",
    "time service as it was before the first deployment",
    "builds, generations, keys, state and account removed",
    "clock roughly as this machine's (time.bootstrap)",
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
    (SAVED, "saved-measurements", True),
    (nts_renewal(Site(), FACTS, None), "nts-renewal", True),
    (METRICS, "metrics-textfile", True),
    (AT_HAND, "source", False),
    (RESTORED, "restored", True),
    (Purged(), "purged", True),
    (ClockSet(), "clock-set", True),
]


@pytest.mark.parametrize(("step", "id_", "changes_host"), IDS, ids=[id_ for _, id_, _ in IDS])
def test_a_step_has_an_id_and_says_whether_it_changes_the_host(step: Step, id_: str, changes_host: bool) -> None:
    assert (step.id, step.changes_host) == (id_, changes_host)


NAMED_OTHERWISE = {
    "switch-script": "file",
    "foreign-processes": "conflicting_services",
    "key-usage": "units",
    "saved-measurements": "units",
    "nts-renewal": "units",
}


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
