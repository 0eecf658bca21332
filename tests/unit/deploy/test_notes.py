"""The notes of a plan and of a deployment: about the site, and who may query the server."""

from collections.abc import Callable
from functools import partial

import pytest

from provision.chrony.configure_log import SHORT_TIME
from provision.deploy.build import build
from provision.deploy.deploy import deploy, plan, stage
from provision.deploy.history import history
from provision.deploy.rollback import rollback
from provision.deploy.run import Run
from provision.deploy.status import status
from provision.deploy.uninstall import uninstall
from provision.deploy.verify import verify
from provision.host.facts import OF_32_BITS
from tests.unit.deploy.conftest import Operator

NOTES = [
    pytest.param('["203.0.113.0/24"]', "203.0.113.0/24, which includes public addresses", id="one public network"),
    pytest.param('["100.64.0.0/10"]', "100.64.0.0/10, which includes public addresses", id="shared by providers"),
    pytest.param('["10.0.0.0/8"]', "10.0.0.0/8", id="private"),
    pytest.param('["0.0.0.0/0"]', "everyone (IPv4), which is the whole Internet", id="everyone"),
    pytest.param('["0.0.0.0/1", "128.0.0.0/1"]', "everyone (IPv4), which is the whole Internet", id="in two halves"),
]


ONE = "[[time.servers]]\naddress = '198.19.0.2'\n"


def test_a_warning_about_the_site_is_for_tasks_that_compare_a_host_with_it(operator: Operator) -> None:
    operator.site = ONE
    alone = "it follows one server alone, 198.19.0.2: "
    for operation in (plan, deploy, stage, build, verify):
        assert sum(note.startswith(alone) for note in operator.run(operation).notes) == 1
    for other in (status, history, partial(rollback, to=""), partial(uninstall, purge=False)):
        assert not any(note.startswith(alone) for note in operator.run(other).notes)


@pytest.mark.parametrize(("allow", "words"), NOTES)
def test_the_note_says_who_may_query(operator: Operator, allow: str, words: str) -> None:
    operator.site += f"[serve]\nallow = {allow}\n"
    assert f"may query: {words}" in operator.run(plan).notes


ANSWER = "Checking for 64-bit time_t : Yes"
NOTED = [
    pytest.param(ANSWER, plan, "this is a system of 32 bits; if the build's ", id="before there is a build"),
    pytest.param(ANSWER, deploy, None, id="a build that counts with 64 bits"),
    pytest.param(
        ANSWER.replace("Yes", "No"), deploy, "this build counts seconds with 32 bits: ", id="a build that does not"
    ),
]


@pytest.mark.parametrize(("answer", "operation", "words"), NOTED)
def test_the_end_of_a_clock_of_32_bits_is_told(
    operator: Operator,
    answer: str,
    operation: Callable[[Run], None],
    words: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator.host.facts += "word_bits=32\n"
    # The host has the build of the sample recipe, so its platform must stay that of the sample.
    monkeypatch.setitem(OF_32_BITS, "x86_64", "x86_64")
    assert ANSWER in operator.host.evidence
    operator.host.evidence = operator.host.evidence.replace(ANSWER, answer)
    told = [note for note in operator.run(operation).notes if note.endswith(SHORT_TIME)]
    assert [note.removesuffix(SHORT_TIME).startswith(str(words)) for note in told] == [True] * (words is not None)
