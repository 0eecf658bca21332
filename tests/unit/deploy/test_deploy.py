"""Deploy, plan, stage, build and verify, on a host that is a table: what is sent, and what is reported."""

import re
from dataclasses import replace
from functools import partial

import pytest

from provision.build.artifacts import pack
from provision.common.results import Gate, Status
from provision.deploy.deploy import build, deploy, plan, show, stage, verify
from provision.deploy.steps.firewall import FirewallOpen
from provision.deploy.steps.log_rotation import ROTATION_FILE
from provision.deploy.steps.waits import WAIT_UNIT
from provision.host.transport import Output
from provision.output.report import Report
from provision.verify.checks.site import MATCHES
from tests.helpers.booted_hosts import ROOT
from tests.helpers.build_archives import folder as tar_of
from tests.helpers.samples import CASES, KEYS, SECRET
from tests.helpers.scripted_state import KEYGEN
from tests.unit.deploy.conftest import FILES, Operator

STAGE = ["make account", "place_file", "stage", "rehearse", "note rehearsal"]
SERVICE = ["switch", "switch --confirm", "make_links", "make list folder", "place_file"]
COMPILE = [
    *("reserve_folder", "build_nettle", "configure_chrony", "build_chrony", "collect_build", "verify_build"),
    *("list_libraries", "finish_build", "pack_build", "place_build"),
]


def ids(report: Report, status: Status) -> list[str]:
    return [outcome.id for outcome in report.outcomes if outcome.status is status]


def unproven(report: Report) -> list[tuple[str, str]]:
    return [(finding.id, finding.seen) for finding in report.findings if not finding.holds]


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


def test_a_plan_changes_nothing_and_names_what_a_deployment_would(operator: Operator) -> None:
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


def test_nothing_is_compiled_behind_a_closed_gate(operator: Operator) -> None:
    operator.host.built = False
    operator.open = frozenset({Gate.SWITCH})
    report = operator.run(deploy)
    assert report.stopped_at is not None
    assert (report.stopped_at.gate, report.stopped_at.need) == (Gate.BUILD, operator.host.recipe.name)
    assert operator.host.told == []


@pytest.mark.usefixtures("source")
def test_a_build_is_made_once_and_kept_for_other_hosts(operator: Operator) -> None:
    host = operator.host
    host.built, host.packages = False, "gcc make"
    host.downloads = dict.fromkeys(map(str, range(20)), tar_of(FILES))
    host.build_files = FILES
    report = operator.run(deploy)
    assert (report.error, unproven(report)) == (None, [])
    made = [name for name in host.told if name in COMPILE or name == "install packages"]
    assert made == ["install packages", *[name for name in COMPILE if name != "verify_build"]]
    assert host.told[-len(STAGE + SERVICE) :] == STAGE + SERVICE
    kept = operator.artifacts.find(host.recipe.name, print)
    assert kept is not None
    assert kept.files["sbin/chronyd"] == FILES["sbin/chronyd"]

    operator.host = replace(host, name="ntp2", built=False, account=False, staged=[], files={}, told=[], current="")
    other = operator.run(deploy)
    assert (other.error, unproven(other)) == (None, [])
    assert [name for name in operator.host.told if name in {*COMPILE, "unpack_build"}] == [
        "unpack_build",
        "place_build",
    ]


@pytest.mark.usefixtures("source")
def test_an_artifact_that_does_not_work_on_a_host_is_compiled_there_instead(operator: Operator) -> None:
    host = operator.host
    host.built, host.build_files = False, FILES
    artifact = pack(host.recipe, tar_of(FILES), checked=False, host="ntp9")
    operator.artifacts.keep(artifact, "{}")
    host.answers["verify_build"] = Output(0, "==> chronyd\nIllegal instruction\n==> end\n")
    report = operator.run(deploy)
    assert report.stopped_at is not None
    assert (report.stopped_at.gate, report.stopped_at.unfit) == (Gate.BUILD, True)
    assert any("does not work on this host, which compiles" in note for note in report.notes)
    assert "place_build" not in host.told
    del host.answers["verify_build"]
    host.downloads = dict.fromkeys(map(str, range(20)), tar_of(FILES))
    again = operator.run(deploy, report)
    assert (again.error, unproven(again)) == (None, [])
    assert "build_chrony" in host.told
    assert "unpack_build" not in host.told


def test_without_keys_the_new_chronyc_makes_the_first_and_they_are_kept_here(operator: Operator) -> None:
    operator.key_file.unlink()
    made = KEYGEN.split("HEX:")[1].strip()
    planned = operator.run(plan)
    assert any("would make key 1 (AES128) and keep it there; the id " in note for note in planned.notes)
    assert not operator.key_file.exists()
    key = operator.generation(replace(KEYS, keys=(replace(KEYS.keys[0], secret=bytes.fromhex(made)),)))
    report = operator.run(deploy)
    assert (report.error, unproven(report)) == (None, [])
    assert made in operator.key_file.read_text()
    assert operator.host.current == key.id
    assert made not in str(report)


def test_the_keys_that_a_host_serves_with_are_taken_over(operator: Operator) -> None:
    operator.run(deploy)
    operator.key_file.unlink()
    report = operator.run(deploy)
    assert (report.error, operator.host.told) == (None, [])
    assert any(note.endswith("took over the keys that the host has") for note in report.notes)
    assert SECRET in operator.key_file.read_text().upper()


def test_a_client_without_its_keys_here_does_not_take_over_a_part_of_them(operator: Operator) -> None:
    operator.run(deploy)
    operator.key_file.unlink()
    operator.site = '[serve]\nrole = "client"\n[[time.servers]]\naddress = "198.19.0.2"\nkey = 1\n'
    report = operator.run(deploy)
    assert report.error is not None
    assert "a client need not have all of them" in report.error


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


def test_a_switch_that_fails_is_told_in_its_own_words(operator: Operator) -> None:
    words = "chronyd of generation x did not come up; active again: chrony.service: Fatal error"
    operator.host.answers["switch"] = Output(1, "", f"{words}\n")
    report = operator.run(deploy)
    assert report.error == f"ntp1: switching failed (exit status 1): {words}"
    assert operator.host.told[-1] == "switch"


def test_what_else_keeps_time_is_named_and_a_process_of_nobodys_is_refused(operator: Operator) -> None:
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


def test_a_build_is_proven_and_rehearsed_with_keys_of_no_use(operator: Operator) -> None:
    report = operator.run(build)
    assert (report.error, unproven(report)) == (None, [])
    assert operator.host.told == ["workspace", "rehearse"]
    assert {finding.id for finding in report.findings} >= {"build.configure", "build.keygen", "rehearsal.running"}


def test_a_build_that_existed_leaves_its_unit_tests_not_checked(operator: Operator) -> None:
    operator.unit_tests = True
    (finding,) = (one for one in operator.run(build).findings if one.id == "build.unit-tests")
    assert finding.holds is None


@pytest.mark.usefixtures("source")
def test_a_build_that_was_made_has_passed_its_unit_tests(operator: Operator) -> None:
    operator.unit_tests = True
    operator.host.built = False
    operator.host.downloads = operator.built_files()
    (finding,) = (one for one in operator.run(build).findings if one.id == "build.unit-tests")
    assert finding.holds is True


def test_verify_changes_nothing_and_finds_what_somebody_altered(operator: Operator) -> None:
    operator.run(deploy)
    good = operator.run(verify)
    assert (good.error, unproven(good), operator.host.told) == (None, [], [])
    operator.host.files["/opt/chrony/switch"] = (b"#!/bin/sh\n", "0755", "root")
    bad = operator.run(verify)
    assert unproven(bad) == [("site.switch-script", "content differs")]
    assert (bad.ok, operator.host.told) == (False, [])


def test_each_compared_step_has_a_check_of_its_own_in_the_document(operator: Operator) -> None:
    operator.run(deploy)
    found = [finding for finding in operator.run(verify).findings if finding.claim == MATCHES]
    # The step for the firewall is part of a plan only if the site opens it.
    compared = [*(finding.id for finding in found), f"site.{FirewallOpen.id}"]
    rows = re.findall(rf"^\| `(site\.[a-z-]+)` \| {MATCHES} \|", (ROOT / "docs/checks.md").read_text(), re.MULTILINE)
    assert sorted(compared) == sorted(rows)
    assert len(set(compared)) == len(compared)


def test_verify_says_of_a_host_that_does_not_answer_from_here_that_this_was_not_tried(operator: Operator) -> None:
    operator.run(deploy)
    operator.answers = False
    (finding,) = [finding for finding in operator.run(verify).findings if not finding.holds]
    assert (finding.id, finding.subject, finding.holds) == ("client.requests", "198.19.0.5", None)
    assert finding.seen.endswith("is UDP port 123 open on the way?")


def test_what_a_site_asks_for_beside_chronyd_is_made_and_taken_away_again(operator: Operator) -> None:
    plain = operator.site
    operator.site = f'time.log = ["tracking"]\n{plain}[service]\nwait = true\n[serve]\nfirewall = "open"\n'
    operator.host.firewall = (CASES / "firewall" / "ufw-shut.txt").read_text()
    report = operator.run(deploy)
    assert (report.error, unproven(report)) == (None, [])
    assert "firewall_open" in operator.host.told
    assert operator.host.told.index("firewall_open") < operator.host.told.index("switch")
    assert {WAIT_UNIT, ROTATION_FILE} <= operator.host.files.keys()
    assert operator.host.waits
    assert operator.run(deploy).changed == 0
    operator.site = plain
    assert operator.run(deploy).ok
    assert {WAIT_UNIT, ROTATION_FILE} & operator.host.files.keys() == set()
    assert {"remove wait", "remove rotation"} <= set(operator.host.told)


def test_a_firewall_that_cannot_be_read_is_not_opened_and_nothing_is_switched(operator: Operator) -> None:
    operator.site += '[serve]\nfirewall = "open"\n'
    operator.host.firewall = "ufw\nERROR: problem running iptables"
    report = operator.run(deploy)
    assert report.error is not None
    assert report.error.endswith("open it by hand, or leave serve.firewall out")
    assert "switch" not in operator.host.told


def test_a_task_may_show_what_a_script_prints(operator: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    assert operator.run(partial(show, script="print_records")).ok
    assert "packages gcc make" in capsys.readouterr().out
    assert operator.host.told == []


def test_a_question_that_nobody_prepared_an_answer_for_fails_the_test(operator: Operator) -> None:
    with pytest.raises(AssertionError, match="no answer prepared for: rm -rf /"):
        operator.run(lambda run: run.progress.say(run.session.host.ask("rm -rf /")))
