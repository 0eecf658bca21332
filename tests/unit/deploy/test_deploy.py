"""Deploy, plan and stage, on a host that is a table: what is sent, and what is reported."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from provision.common.results import Gate, Status
from provision.deploy.choices import choose_generation
from provision.deploy.deploy import _keeps_a_wrong_clock, deploy, plan, stage
from provision.deploy.generation import Generation
from provision.deploy.run import Run
from provision.deploy.steps import Phase
from provision.deploy.steps.boot_wait import WAIT_UNIT
from provision.deploy.steps.log_rotation import ROTATION_FILE
from provision.deploy.steps.metrics_textfile import SCRIPT, TIMER
from provision.host.facts import Facts
from provision.host.paths import KEY_USAGE
from provision.host.transport import Output
from provision.output.report import Report
from provision.site.schema import Site
from tests.helpers.samples import CASES
from tests.unit.deploy.conftest import SERVICE, STAGE, Operator, unproven


def ids(report: Report, status: Status) -> list[str]:
    return [outcome.id for outcome in report.outcomes if outcome.status is status]


def test_a_first_deployment_stages_switches_proves_and_confirms_in_this_order(operator: Operator) -> None:
    report = operator.run(deploy)
    host = operator.host
    assert (report.error, unproven(report)) == (None, [])
    assert (report.ok, report.tried, report.stopped_at) == (True, True, None)
    assert host.told == ["workspace", *STAGE, *SERVICE]
    assert host.current == host.running == operator.generation().id
    assert (host.unconfirmed, host.closed) == ("", True)
    assert host.asked.count("print_evidence") == 2, "before the switch, and to prove it"


def test_a_second_deployment_changes_nothing_in_three_round_trips_and_proves_it_all_the_same(
    operator: Operator,
) -> None:
    operator.run(deploy)
    report = operator.run(deploy)
    assert operator.host.told == []
    assert (report.ok, report.changed, ids(report, Status.CHANGED)) == (True, False, [])
    assert len(report.findings) >= 10
    assert unproven(report) == []
    # Facts, keys of the host where the operator's are new, survey and evidence.
    assert report.round_trips <= 4


def test_a_deployment_makes_the_generation_of_its_host_once(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Facts] = []

    def counted(site: Site, facts: Facts, **others: Any) -> Generation:
        made.append(facts)
        return choose_generation(site, facts, **others)

    monkeypatch.setattr("provision.deploy.deploy.choose_generation", counted)
    operator.run(deploy)
    assert len(made) == 1


@pytest.mark.parametrize("operation", [plan, deploy])
def test_a_host_that_may_not_open_the_port_is_refused_before_anything_is_sent(
    operation: Callable[[Run], None], operator: Operator
) -> None:
    operator.host.facts += "capabilities=000001fffffffbff\nunprivileged_ports=1024\n"
    report = operator.run(operation)
    assert (report.error or "").startswith("ntp1: no service here may have CAP_NET_BIND_SERVICE")
    assert (operator.host.told, operator.host.uploads) == ([], {})


@pytest.mark.parametrize(
    ("differs", "phases", "kept"),
    [
        pytest.param(True, (), True, id="nobody sets it"),
        pytest.param(True, (Phase("clock", ()),), False, id="time.bootstrap"),
        pytest.param(False, (), False, id="it is right"),
    ],
)
def test_a_wrong_clock_is_kept_until_chronyd_runs_unless_a_phase_sets_it(
    *, differs: bool, phases: tuple[Phase, ...], kept: bool
) -> None:
    run: Any = SimpleNamespace(
        session=SimpleNamespace(clock=SimpleNamespace(differs=differs)), clock_phases=lambda: phases
    )
    assert _keeps_a_wrong_clock(run) is kept


def test_a_plan_changes_nothing_and_names_the_changes_of_a_deployment(operator: Operator) -> None:
    report = operator.run(plan)
    assert operator.host.told == []
    assert (ids(report, Status.CHANGED), report.findings) == ([], [])
    planned = ids(report, Status.PENDING)
    assert operator.run(deploy).ok
    assert set(planned) == {
        "account",
        "switch-script",
        "staged",
        "rehearsed",
        "active",
        "confirmed",
        "links",
        "timedatectl",
        "saved-measurements",
    }
    assert operator.run(plan).pending == 0


def test_another_configuration_is_a_new_generation_and_the_old_one_stays(operator: Operator) -> None:
    operator.run(deploy)
    before = operator.host.current
    operator.site += "[[time.servers]]\naddress = '198.19.0.9'\n"
    report = operator.run(deploy)
    assert (report.error, unproven(report)) == (None, [])
    assert operator.host.told == ["workspace", "stage", "rehearse", "note rehearsal", "switch", "switch --confirm"]
    assert operator.host.current != before
    assert operator.host.staged == [before, operator.host.current]


def test_before_a_closed_gate_the_run_stops_and_goes_on_when_it_is_open(operator: Operator) -> None:
    operator.open = frozenset({Gate.BUILD})
    first = operator.run(deploy)
    assert first.stopped_at is not None
    assert (first.stopped_at.gate, first.tried, first.error) == (Gate.SWITCH, False, None)
    assert operator.host.told == ["workspace", *STAGE]
    assert operator.host.current == ""
    operator.open = frozenset(Gate)
    second = operator.run(deploy, first)
    assert (second.ok, second.stopped_at) == (True, None)
    assert operator.host.told == ["workspace", *SERVICE]


def test_the_host_goes_back_at_once_when_the_proof_fails(operator: Operator) -> None:
    operator.run(deploy)
    before = operator.host.current
    operator.site += "[[time.servers]]\naddress = '198.19.0.9'\n"
    text = (CASES / "evidence" / "server.txt").read_text()
    operator.host.evidence = text.replace("key 1\nanswered", "key 1\nunanswered")
    report = operator.run(deploy)
    assert report.error is not None
    assert " was not confirmed; " in report.error
    assert operator.host.told[-2:] == ["switch", "switch --back"]
    assert (report.ok, operator.host.current) == (False, before)


def test_a_failed_rehearsal_leaves_the_running_daemon_alone(operator: Operator) -> None:
    said = (CASES / "rehearsal" / "bad-keys.txt").read_text()
    operator.host.answers["rehearse"] = said
    report = operator.run(deploy)
    assert report.error is not None
    assert "failed its rehearsal; the previous daemon keeps running" in report.error
    assert "chronyd says: Could not decode key 7" in report.error
    assert "switch" not in operator.host.told


def test_a_failed_switch_is_reported_in_its_own_words(operator: Operator) -> None:
    words = "chronyd of generation x did not come up; active again: chrony.service: Fatal error"
    operator.host.answers["switch"] = Output(1, "", f"{words}\n")
    report = operator.run(deploy)
    assert report.error == f"ntp1: switching failed (exit status 1): {words}"
    assert operator.host.told[-1] == "switch"


def test_other_time_services_are_named_and_a_process_without_a_unit_is_refused(operator: Operator) -> None:
    operator.host.others = "chrony.service|loaded|active|enabled|/lib/systemd/system/chrony.service|"
    (active,) = [outcome for outcome in operator.run(plan).outcomes if outcome.id == "active"]
    assert active.reason.endswith("; stops and masks chrony.service, which is active")
    operator.host.others = "process|7|/usr/sbin/ntpd|session-3.scope|port"
    report = operator.run(deploy)
    assert report.error is not None
    assert "/usr/sbin/ntpd (pid 7, in session-3.scope) has UDP port 123" in report.error
    assert operator.host.told == []


def test_a_host_without_systemd_is_not_deployed_to_but_staged(operator: Operator) -> None:
    operator.host.facts = operator.host.facts.replace("init=systemd", "init=sh")
    report = operator.run(deploy)
    assert report.error is not None
    assert "systemd does not run here (Debian GNU/Linux 12 (bookworm))" in report.error
    assert (operator.host.told, operator.host.asked) == ([], ["print_facts"])


def test_staging_ends_before_the_switch_and_says_how_to_go_on(operator: Operator) -> None:
    report = operator.run(stage)
    assert (report.error, report.ok) == (None, True)
    assert operator.host.told == ["workspace", *STAGE]
    assert operator.host.current == ""
    id_ = operator.generation().id
    assert any(note.endswith(f"/opt/chrony/switch {id_}") for note in report.notes)


def test_what_a_site_asks_for_beside_chronyd_is_made_and_taken_away_again(operator: Operator) -> None:
    plain = operator.site
    more = '[service]\nwait = true\nmetrics = "textfile"\n[keys]\nusage = true\n[serve]\nfirewall = "open"\n'
    operator.site = f'time.log = ["tracking"]\n{plain}{more}'
    operator.host.firewall = (CASES / "firewall" / "ufw-shut.txt").read_text()
    report = operator.run(deploy)
    assert (report.error, unproven(report)) == (None, [])
    assert "firewall_open" in operator.host.told
    assert operator.host.told.index("firewall_open") < operator.host.told.index("switch")
    assert {WAIT_UNIT, ROTATION_FILE, KEY_USAGE, TIMER, SCRIPT} <= operator.host.files.keys()
    assert operator.host.waits
    assert "chrony-provision-usage.service" in operator.host.units
    assert operator.run(deploy).changed == 0
    operator.site = plain
    assert operator.run(deploy).ok
    assert {WAIT_UNIT, ROTATION_FILE, KEY_USAGE, TIMER, SCRIPT} & operator.host.files.keys() == set()
    assert {"remove rotation", "remove_units", "remove metrics"} <= set(operator.host.told)


def test_a_firewall_that_cannot_be_read_is_not_opened_and_nothing_is_switched(operator: Operator) -> None:
    operator.site += '[serve]\nfirewall = "open"\n'
    operator.host.firewall = "ufw\nERROR: problem running iptables"
    report = operator.run(deploy)
    assert report.error is not None
    assert report.error.endswith("open it by hand, or leave serve.firewall out")
    assert "switch" not in operator.host.told


def test_a_question_without_a_prepared_answer_fails_the_test(operator: Operator) -> None:
    with pytest.raises(AssertionError, match="no answer prepared for: rm -rf /"):
        operator.run(lambda run: run.progress.say(run.session.host.ask("rm -rf /")))
