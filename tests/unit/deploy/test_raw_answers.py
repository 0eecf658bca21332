"""The raw answers of a host: each question that was asked, and no secret."""

from provision.deploy.deploy import deploy
from provision.deploy.proof import Proof
from provision.deploy.raw_answers import raw_answers
from provision.deploy.run import Run
from provision.deploy.verify import verify
from tests.helpers.samples import SECRET
from tests.unit.deploy.conftest import Operator


def keep(run: Run) -> None:
    verify(run, keeps_answers=True)


def test_a_verification_keeps_them_only_if_it_is_asked_to(operator: Operator) -> None:
    operator.run(deploy)
    assert operator.run(verify).answers == {}
    answers = operator.run(keep).answers
    assert {"wanted-chrony.conf", "site.active", "site.staged", "tracking", "ports", "requests-from-here"} <= set(
        answers
    )
    assert "server 198.19.0.2" in answers["wanted-chrony.conf"]
    assert SECRET.lower() not in str(answers).lower()


def test_a_secret_that_a_host_prints_is_hidden(operator: Operator) -> None:
    operator.run(deploy)

    def altered(run: Run) -> None:
        run.session.host.password = "correct horse"  # noqa: S105 -- of a test
        verify(run, keeps_answers=True)
        proof = Proof((), evidence=f"==> journal\nsudo correct horse {SECRET}\n")
        run.report.answers = dict(raw_answers(proof, "", run.hide_secrets))

    assert operator.run(altered).answers["journal"] == "sudo (hidden) (hidden)"


def test_requests_with_nts_are_a_part_of_those_on_the_host() -> None:
    proof = Proof((), evidence="==> ask 127.0.0.1 plain\nanswered\n==> nts right\nanswered\n==> ports\nudp\n")
    answers = dict(raw_answers(proof, "", str))
    assert answers["requests-on-the-host"] == "==> ask 127.0.0.1 plain\nanswered\n==> nts right\nanswered"
    assert answers["ports"] == "udp"


def test_the_digest_of_a_key_file_is_hidden_because_a_password_can_be_guessed_from_it() -> None:
    digest = "0f" * 32
    tree = f"{digest}  /opt/chrony/generations/1/chrony.keys\n{digest}  /opt/chrony/generations/1/chrony.conf"
    answers = dict(raw_answers(Proof((), answers={"staged": tree}), "", str))
    assert answers["site.staged"].splitlines() == [
        "(hidden)  /opt/chrony/generations/1/chrony.keys",
        f"{digest}  /opt/chrony/generations/1/chrony.conf",
    ]


def test_the_requests_on_the_host_are_one_answer_and_marks_are_none() -> None:
    evidence = "==> ask ::1 plain\nanswered\n==> ask ::1 key 1\nsilent\n==> end\n==> ports\nudp\n==> finished\n"
    answers = dict(raw_answers(Proof((), evidence=evidence), "", str))
    assert answers == {
        "wanted-chrony.conf": "",
        "ports": "udp",
        "requests-on-the-host": "==> ask ::1 plain\nanswered\n==> ask ::1 key 1\nsilent",
    }
