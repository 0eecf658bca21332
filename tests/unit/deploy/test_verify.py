"""Verify a host: the daemon that runs, and each state of its deployment, and nothing is changed."""

import re

import pytest

from provision.deploy.deploy import deploy
from provision.deploy.status import status
from provision.deploy.steps.firewall import FirewallOpen, FirewallOpenForNts
from provision.deploy.verify import verify
from provision.host.transport import Output
from provision.keys import Key, Keys
from provision.output.report import Report
from provision.verify.checks.site import MATCHES
from provision.verify.ntp.probe import KeyAnswer, Probe
from tests.helpers.booted_hosts import ROOT
from tests.helpers.host_settings import make_settings
from tests.helpers.samples import KEYS, write_keys
from tests.helpers.script_calls import Call
from tests.helpers.scripted_answers import ASKED
from tests.unit.deploy.conftest import PLAIN, SITE, Operator, unproven


def test_verify_changes_nothing_and_finds_altered_files(operator: Operator) -> None:
    operator.run(deploy)
    good = operator.run(verify)
    assert (good.error, good.role, unproven(good), operator.host.told) == (None, "server", [], [])
    operator.host.files["/opt/chrony/switch"] = (b"#!/bin/sh\n", "0755", "root")
    bad = operator.run(verify)
    assert unproven(bad) == [("site.switch-script", "content differs")]
    assert (bad.ok, operator.host.told, bad.notes[-1]) == (False, [], NOTE)
    assert NOTE not in good.notes


def test_its_report_has_the_state_that_the_task_status_shows_and_takes_no_further_round_trip(
    operator: Operator,
) -> None:
    assert operator.run(deploy).status is None
    shown, verified = operator.run(status), operator.run(verify)
    assert verified.status == shown.status
    assert verified.status is not None
    assert (verified.status.generation, verified.status.key_ids) == (operator.host.current, "1-2,7")
    assert verified.round_trips == 2
    assert operator.host.asked.count("print_evidence") == 1


def test_without_its_chrony_conf_a_host_has_no_state_and_is_verified(operator: Operator) -> None:
    operator.run(deploy)

    def says(call: Call) -> str:
        text = ASKED["print_evidence"](operator.host, call)
        return f"{text.partition('==> key ids')[0]}==> finished\n"

    operator.host.answers["print_evidence"] = says
    report = operator.run(verify)
    assert (report.error, report.status, report.ok) == (None, None, True)


def test_the_state_of_a_host_whose_evidence_cannot_be_read_is_not_known(operator: Operator) -> None:
    operator.run(deploy)
    operator.host.files["/opt/chrony/switch"] = (b"#!/bin/sh\n", "0755", "root")
    operator.host.evidence = re.sub("(?m)^C6130002,.*$", "many, too many", operator.host.evidence)
    report = operator.run(verify)
    assert (report.error, report.status) == (None, None)
    assert {"site.switch-script", "site.evidence"} == {id_ for id_, _ in unproven(report)}


def test_each_compared_step_has_a_check_of_its_own_in_the_document(operator: Operator) -> None:
    operator.run(deploy)
    found = [finding for finding in operator.run(verify).findings if finding.claim == MATCHES]
    # The steps for the firewall are part of a plan only if the site opens it.
    opened = (FirewallOpen, FirewallOpenForNts)
    compared = [*(finding.id for finding in found), *(f"site.{step.id}" for step in opened)]
    rows = re.findall(rf"^\| `(site\.[a-z-]+)` \| {MATCHES} \|", (ROOT / "docs/checks.md").read_text(), re.MULTILINE)
    assert sorted(compared) == sorted(rows)
    assert len(set(compared)) == len(compared)


NOTE = "inv plan shows the differences, inv deploy removes them"


def about_states(report: Report) -> dict[str, tuple[bool | None, str]]:
    """Return the findings about states that do not hold."""
    found = [finding for finding in report.findings if finding.id.startswith("site.") and not finding.holds]
    return {finding.id: (finding.holds, finding.seen) for finding in found}


def test_of_another_generation_one_finding_names_the_difference_and_the_dependent_are_not_checked(
    operator: Operator,
) -> None:
    operator.run(deploy)
    there = operator.host.current
    operator.site = f"{SITE}[[time.servers]]\naddress = '198.19.0.9'\n"
    operator.key_file.unlink()
    write_keys(operator.key_file, Keys((*KEYS, Key(2, "AES128", bytes(16)))))
    wanted = operator.generation(Keys((*KEYS, Key(2, "AES128", bytes(16))))).id
    report = operator.run(verify)
    instead = (None, f"generation {there} is deployed in its place")
    assert about_states(report) == {
        "site.staged": instead,
        "site.rehearsed": instead,
        "site.active": (
            False,
            f"runs generation {there}, the site wants {wanted}: chrony.conf differs (server), key 2 added (AES128)",
        ),
        "site.daemon-unaltered": (None, f"generation {there} runs"),
        "site.confirmed": instead,
    }
    (runs,) = [finding for finding in report.findings if finding.id == "site.running-generation"]
    assert (str(runs), runs.holds) == (
        f"generation {there}: the generation that runs is as it was deployed",
        True,
    )
    assert report.notes[-1] == NOTE
    assert operator.host.told == []


def test_an_altered_generation_that_runs_is_named_though_the_site_wants_another(
    twice: tuple[Operator, str, str],
) -> None:
    operator, _, second = twice

    def says(call: Call) -> str:
        return ASKED["print_generation"](operator.host, call).replace("driftfile", "#driftfile")

    operator.host.answers["print_generation"] = says
    operator.site += "[[time.servers]]\naddress = '198.19.0.10'\n"
    seen = about_states(operator.run(verify))
    assert seen["site.running-generation"] == (False, "its content does not match its name")
    assert seen["site.daemon-unaltered"] == (None, f"generation {second} runs")
    assert "chrony.conf differs (server, driftfile)" in seen["site.active"][1] or "driftfile" in seen["site.active"][1]


def test_a_running_generation_that_cannot_be_read_is_reported(twice: tuple[Operator, str, str]) -> None:
    operator, _, second = twice
    operator.host.answers["print_generation"] = Output(1, "", "cat: chrony.conf: No such file\n")
    operator.site += "[[time.servers]]\naddress = '198.19.0.10'\n"
    wanted = operator.generation().id
    seen = about_states(operator.run(verify))
    assert seen["site.active"] == (False, f"runs generation {second}, the site wants {wanted}")
    holds, words = seen["site.running-generation"]
    assert not holds
    assert words.startswith("its files cannot be read: ")
    assert "No such file" in words


def test_of_a_daemon_that_does_not_run_nothing_is_claimed(operator: Operator) -> None:
    operator.run(deploy)
    operator.host.answers["look_active"] = (
        f"current=generations/{operator.host.current}\nunit file=missing\nMainPID=0\nActiveState=failed"
    )
    seen = about_states(operator.run(verify))
    assert seen["site.daemon-unaltered"] == (None, "chronyd does not run")
    assert seen["site.process-as-unit"] == (None, "chronyd does not run")


def test_a_host_without_a_deployment_gets_the_command_that_deploys(operator: Operator) -> None:
    report = operator.run(verify)
    assert (report.error, report.ok) == ("ntp1: nothing is deployed here; inv deploy deploys", False)


def test_a_key_of_the_same_id_with_another_secret_is_reported(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.run(deploy)
    other = Keys((Key(1, "AES128", bytes(16)), Key(2, "AES128", bytes(16))))
    operator.key_file.unlink()
    write_keys(operator.key_file, other)
    operator.generation(other)

    def probe(address: str, keys: Keys, **_: object) -> Probe:
        return Probe(address=address, plain=PLAIN, keys=tuple(KeyAnswer(id=key.id) for key in keys))

    monkeypatch.setattr("provision.deploy.prove.probe", probe)
    report = operator.run(verify)
    assert {finding.subject: finding.seen for finding in report.findings if finding.id == "client.key"} == {
        "key 1 at 198.19.0.5": "no answer; the key 1 that runs on the host has another secret",
        "key 2 at 198.19.0.5": "no answer; the host does not have this key",
    }


def test_without_a_site_file_the_host_is_compared_with_the_defaults(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.run(deploy)
    there = operator.host.current
    monkeypatch.chdir(operator.home)
    monkeypatch.setattr(Operator, "settings", property(lambda _: make_settings()))
    (operator.home / "site.toml").unlink()
    (active,) = [finding for finding in operator.run(verify).findings if finding.id == "site.active"]
    assert active.claim == "the host matches the built-in defaults"
    assert active.seen.startswith(f"runs generation {there}, the built-in defaults want ")


def test_verify_says_of_a_host_that_does_not_answer_from_here_that_this_was_not_tried(operator: Operator) -> None:
    operator.run(deploy)
    operator.answers = False
    (finding,) = [finding for finding in operator.run(verify).findings if not finding.holds]
    assert (finding.id, finding.subject, finding.holds) == ("client.requests", "198.19.0.5", None)
    assert finding.seen.endswith("is UDP port 123 open on the way?")
