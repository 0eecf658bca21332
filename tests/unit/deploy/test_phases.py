"""The phases of a deployment: what is in them, in which order, behind which gates, and that its build is made once."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from provision.build.artifact_store import Artifacts
from provision.build.recipe import Recipe
from provision.common.results import Gate, StoppedAt
from provision.deploy import deploy
from provision.deploy.phases import (
    Tarballs,
    compile_phase,
    deployment,
    log_rotation,
    metrics_textfile,
    preconditions,
    unpack_phase,
)
from provision.deploy.proof import Proof
from provision.deploy.run import Operation, Run
from provision.deploy.steps import Phase
from provision.deploy.steps.metrics_textfile import MetricsTextfile
from provision.deploy.steps.packages import Packages
from provision.host.host import Host
from provision.host.session import Session
from provision.host.target import parse_target
from provision.host.transport.local import LocalTransport
from provision.output.log import Collected
from provision.output.progress.lines import Lines
from provision.output.report import Report
from provision.site.schema import Serve, Service, Site
from provision.site.time import Time
from tests.helpers.build_archives import ARTIFACT
from tests.helpers.evidence_samples import EXPECTED
from tests.helpers.host_settings import make_settings
from tests.helpers.samples import FACTS, GENERATION, KEYS, RECIPE
from tests.helpers.step_samples import EXISTING, SWITCH

AT_BUILD, AT_SWITCH = StoppedAt(Gate.BUILD, RECIPE.name), StoppedAt(Gate.SWITCH)
TARBALLS = Tarballs(at_hand=lambda _: True, data=lambda _: b"", origin=lambda _: "")
COMPILE = compile_phase("ntp1", FACTS, RECIPE, TARBALLS, keep=lambda _: None)


def plan(site: Site) -> tuple[Phase, ...]:
    """Return the plan of a site whose build is compiled."""
    return deployment(COMPILE, GENERATION, SWITCH, site, FACTS, existing=EXISTING, expected=EXPECTED)


def contents(phases: Sequence[Phase]) -> dict[str, list[str]]:
    """Return the ids of the steps of each phase."""
    return {phase.name: [step.id for step in phase.steps] for phase in phases}


def packages_to_build_with(*, cpus: int = 2, recipe: Recipe = RECIPE) -> Packages:
    """Return the step that installs what a host needs to compile a recipe."""
    phase = compile_phase("ntp1", replace(FACTS, cpus=cpus), recipe, TARBALLS, keep=lambda _: None)
    (found,) = (step for step in phase.steps if isinstance(step, Packages))
    return found


def test_nettle_is_compiled_while_headers_are_installed_if_the_host_has_two_processors() -> None:
    assert packages_to_build_with().meanwhile is not None
    assert packages_to_build_with(cpus=1).meanwhile is None
    assert packages_to_build_with(recipe=replace(RECIPE, nettle=None)).meanwhile is None


def test_a_deployment_is_these_phases() -> None:
    assert contents(plan(Site())) == {
        "preconditions": ["file-systems", "unit-overrides", "foreign-processes", "existing-service"],
        "build": ["build-file-systems", "source", "build-packages", "build"],
        "stage": ["account", "switch-script", "staged", "rehearsed"],
        "needs": ["chrony-conf-needs"],
        "switch": ["active", "conflicting-services", "process-as-unit", "daemon-unaltered"],
        "confirm": ["confirmed"],
        "links": [
            "links",
            "timedatectl",
            "boot-wait",
            "log-rotation",
            "key-usage",
            "saved-measurements",
            "nts-renewal",
            "metrics-textfile",
        ],
    }


def test_a_site_may_open_the_firewall_before_the_switch() -> None:
    site = Site(serve=Serve(firewall="open"))
    assert contents(plan(site))["switch"][:2] == ["firewall", "active"]


def test_gates_stand_before_the_compiler_and_before_all_that_touches_the_service() -> None:
    assert {phase.name: phase.gate for phase in plan(Site())} == {
        "preconditions": None,
        "build": AT_BUILD,
        "stage": None,
        "needs": None,
        "switch": AT_SWITCH,
        "confirm": AT_SWITCH,
        "links": AT_SWITCH,
    }


def test_no_gate_stands_before_an_artifact() -> None:
    phase = unpack_phase(FACTS, RECIPE, ARTIFACT)
    assert (phase.name, phase.gate) == ("build", None)
    assert [step.id for step in phase.steps] == ["build-file-systems", "run-packages", "build"]


def test_before_the_first_keys_no_unit_is_known() -> None:
    assert contents([preconditions(RECIPE, EXISTING)]) == {
        "preconditions": ["file-systems", "foreign-processes", "existing-service"]
    }


def test_the_ids_of_a_plan_differ_and_say_nothing_of_a_host() -> None:
    ids = [step.id for phase in plan(Site()) for step in phase.steps]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", id_) for id_ in ids)


def test_steps_that_change_nothing_come_before_the_first_that_does_and_before_the_switch() -> None:
    looking = [step.id for phase in plan(Site()) for step in phase.steps if not step.changes_host]
    assert looking == [
        "file-systems",
        "unit-overrides",
        "foreign-processes",
        "existing-service",
        "build-file-systems",
        "source",
        "chrony-conf-needs",
    ]


@pytest.mark.parametrize("operation", [deploy.deploy, deploy.stage], ids=["deploy", "stage"])
def test_the_first_deployment_makes_its_build_once(
    operation: Operation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without keys the build comes first, and then the whole plan with the same build."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    plans: list[Sequence[Phase]] = []
    monkeypatch.setattr(Run, "converge", lambda _, phases, **__: plans.append(phases))
    monkeypatch.setattr(deploy, "prove", lambda *_, **__: Proof(()))
    monkeypatch.setattr(deploy, "keys_on_host", lambda _: KEYS)
    facts = replace(FACTS, systemd_runs=True)
    with Lines() as progress:
        run = Run(
            Session(host=Host(LocalTransport()), facts=facts, address="", direct=True, time_source=None),
            make_settings(),
            keys=None,
            report=Report(host=parse_target("ntp1")),
            progress=progress,
            log=Collected("ntp1"),
            who="alice@laptop",
            artifacts=Artifacts(tmp_path),
        )
        operation(run)
    first, second = plans
    (build,) = [phase for phase in first if phase.name == "build"]
    assert [phase for phase in second if phase.name == "build"] == [build]
    assert all(phase is build for phase in second if phase.name == "build")


def test_log_files_are_rotated_where_the_site_has_some() -> None:
    assert log_rotation(Site(), FACTS).content == ""
    rotation = log_rotation(Site(time=Time(log=("tracking",))), FACTS)
    assert "/var/log/chrony/*.log {" in rotation.content.splitlines()


def test_a_host_writes_metrics_where_its_site_says_so() -> None:
    assert metrics_textfile(Site(), FACTS) == MetricsTextfile()
    wanted = metrics_textfile(Site(service=Service(metrics="textfile")), FACTS)
    assert wanted.link == "/var/lib/prometheus/node-exporter/chrony-provision.prom"
    assert f"Link={wanted.link}" in wanted.service.splitlines()
    assert {
        "StartLimitIntervalSec=0",
        "User=_chrony",
        "RuntimeDirectory=chrony-metrics",
        "ProtectSystem=strict",
    } <= set(wanted.service.splitlines())
    assert "OnUnitActiveSec=30" in wanted.timer.splitlines()
    for text in (wanted.service, wanted.timer):
        assert text.startswith("# Managed by chrony-provision")
