"""Roll back to a generation that a host still has, on a host that is a table."""

import pytest

from provision.common.results import Gate
from provision.deploy.deploy import deploy
from provision.deploy.rollback import rollback
from provision.deploy.run import Run
from provision.deploy.uninstall import uninstall
from provision.host.transport import Output
from provision.output.report import Report
from provision.output.report_text import ending_lines
from tests.helpers.certificates import Authority
from tests.helpers.samples import CASES, SECRET
from tests.helpers.script_calls import Call
from tests.helpers.scripted_answers import ASKED
from tests.unit.deploy.conftest import Operator, unproven
from tests.unit.verify.checks.test_nts import NTS_PROBE


def back(run: Run) -> None:
    rollback(run, to="")


def test_the_generation_before_runs_again_is_proven_and_confirmed(twice: tuple[Operator, str, str]) -> None:
    operator, first, second = twice
    report = operator.run(back)
    assert (report.error, report.ok, unproven(report)) == (None, True, [])
    assert operator.host.told == ["workspace", "switch", "switch --confirm"]
    assert (operator.host.current, operator.host.unconfirmed) == (first, "")
    assert operator.host.staged == [first, second], "what else lies there may be wanted next"
    assert len(report.findings) >= 10
    assert "the next deployment puts back what the site says: change the site, too" in report.notes


def test_a_generation_is_chosen_by_its_id_and_one_that_runs_is_only_proven(twice: tuple[Operator, str, str]) -> None:
    operator, first, second = twice
    report = operator.run(lambda run: rollback(run, to=second))
    assert (report.error, unproven(report), operator.host.told) == (None, [], [])
    assert len(report.findings) >= 10
    assert operator.run(lambda run: rollback(run, to=first)).ok
    assert operator.host.current == first


def test_a_generation_that_is_not_there_is_refused_with_those_that_are(twice: tuple[Operator, str, str]) -> None:
    operator, first, second = twice
    report = operator.run(lambda run: rollback(run, to="0123456789abcdef"))
    assert report.error is not None
    assert report.error.endswith(f"--to 0123456789abcdef: no such generation here; it has {first}, {second}")
    assert (report.tried, operator.host.told) == (False, [])


def test_where_nothing_ran_before_there_is_nothing_to_go_back_to(operator: Operator) -> None:
    operator.run(deploy)
    report = operator.run(back)
    assert report.error == f"ntp1: no generation ran here before the current one; it has {operator.host.current}"
    assert operator.host.told == []


def test_after_an_uninstallation_only_a_named_generation_runs_again(twice: tuple[Operator, str, str]) -> None:
    operator, first, second = twice
    operator.run(lambda run: uninstall(run, purge=False))
    report = operator.run(back)
    when = operator.host.history[-1].split()[0]
    assert report.error == (
        f"ntp1: nothing is deployed here (uninstalled at {when}); inv deploy deploys, --to GENERATION names one of "
        f"{first}, {second}"
    )
    assert (report.tried, operator.host.told) == (False, [])
    assert operator.run(lambda run: rollback(run, to=first)).error is None
    assert operator.host.current == first


def test_where_nothing_was_deployed_a_deployment_is_named(operator: Operator) -> None:
    report = operator.run(back)
    assert report.error == "ntp1: nothing is deployed here; inv deploy deploys"


def test_a_host_that_went_back_by_itself_was_not_uninstalled(operator: Operator) -> None:
    operator.host.history.append("2026-11-22T20:01:30Z chrony-undo.timer before active - - back")
    report = operator.run(back)
    assert report.error == (
        "ntp1: nothing is deployed here (the host went back to its previous time service at 2026-11-22T20:01:30Z); "
        "inv deploy deploys"
    )


def test_before_the_gate_of_the_switch_nothing_is_switched(twice: tuple[Operator, str, str]) -> None:
    operator, _, second = twice
    operator.open = frozenset({Gate.BUILD})
    report = operator.run(back)
    assert report.stopped_at is not None
    assert (report.stopped_at.gate, report.error) == (Gate.SWITCH, None)
    assert (operator.host.current, operator.host.told) == (second, [])


def altered(operator: Operator, old: str, new: str) -> Report:
    """Roll back where somebody has changed a file of the older generation."""

    def says(call: Call) -> str:
        text = ASKED["print_generation"](operator.host, call)
        assert old in text
        return text.replace(old, new)

    operator.host.answers["print_generation"] = says
    return operator.run(back)


ALTERED = [
    pytest.param("driftfile", "#driftfile", "its content does not match its name", id="chrony.conf"),
    pytest.param(
        "0640|root:_chrony", "0644|root:_chrony", "chrony.keys has mode 0644, not 0640", id="mode of the keys"
    ),
    pytest.param(
        "0755|root:root|/opt/chrony/builds/", "0777|root:root|/opt/chrony/builds/", "has mode 0777", id="build"
    ),
]


@pytest.mark.parametrize(("old", "new", "words"), ALTERED)
def test_an_altered_generation_is_no_target_of_a_rollback(
    old: str, new: str, words: str, twice: tuple[Operator, str, str]
) -> None:
    operator, first, second = twice
    report = altered(operator, old, new)
    assert report.error is not None
    assert f"generation {first} was altered since it was deployed" in report.error
    assert words in report.error
    assert report.error.endswith("; inv deploy deploys the site's")
    assert (operator.host.current, operator.host.told) == (second, [])
    assert SECRET not in report.error


def test_of_an_altered_generation_the_others_are_named(twice: tuple[Operator, str, str]) -> None:
    operator, first, _ = twice
    operator.site += "[[time.servers]]\naddress = '198.19.0.10'\n"
    assert operator.run(deploy).ok
    report = altered(operator, "driftfile", "#driftfile")
    assert report.error is not None
    assert report.error.endswith(f"; inv deploy deploys the site's, or --to names another one: {first}")


def test_a_foreign_build_is_refused(twice: tuple[Operator, str, str]) -> None:
    operator, first, _ = twice
    report = altered(operator, f"==> build\n{operator.host.recipe.name}", "==> build\nmine")
    assert report.error == f"ntp1: generation {first} names a build that is none of ours: 'mine'"


def test_a_proof_that_fails_sends_the_host_forward_again(twice: tuple[Operator, str, str]) -> None:
    operator, _, second = twice
    text = (CASES / "evidence" / "server.txt").read_text()
    operator.host.evidence = text.replace("plain\nanswered", "plain\nunanswered")
    report = operator.run(back)
    assert report.error is not None
    assert f"was not confirmed; generation {second} runs again: " in report.error
    assert (operator.host.current, operator.host.told[-1]) == (second, "switch --back")
    assert ending_lines(report)[-1].startswith("FAILED, rolled back, nothing else changed (")


def test_a_switch_that_did_not_come_up_is_reported(twice: tuple[Operator, str, str]) -> None:
    operator, _, _ = twice
    operator.host.answers["switch"] = Output(1, "", "chronyd of generation x did not come up\n")
    report = operator.run(back)
    assert report.error == "ntp1: switching failed (exit status 1): chronyd of generation x did not come up"


def test_no_key_of_a_generation_is_in_the_log(twice: tuple[Operator, str, str]) -> None:
    operator, _, _ = twice
    operator.run(back)
    log = (operator.home / "log").read_text()
    assert log != ""
    assert SECRET not in log.upper()


def test_the_certificates_of_a_generation_are_read_with_it_and_its_key_is_in_no_log(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Authority.make().issue("ntp1.example")
    pair.write(operator.home)
    operator.site = f'{operator.site}[serve.nts]\ncertificate = "nts.crt"\nkey = "nts.key"\n'
    monkeypatch.setattr("provision.verify.ntp.nts_client.ask_with_nts", lambda *_, **__: NTS_PROBE)
    report = operator.run(deploy)
    assert (report.error, unproven(report)) == (None, [("server.nts", "the host has not asked")])
    generation = operator.host.current
    operator.site = operator.site.partition("[serve.nts]")[0]
    assert operator.run(deploy).ok
    report = operator.run(lambda run: rollback(run, to=generation))
    assert (report.error, operator.host.current) == (None, generation)
    assert [finding.holds for finding in report.findings if finding.id == "nts.certificate-end"] == [True]
    for line in pair.lines:
        assert line not in (operator.home / "log").read_text()
