"""The note of a plan and of a deployment about who may query the server."""

import pytest

from provision.deploy.deploy import plan
from tests.unit.deploy.conftest import Operator

NOTES = [
    pytest.param('["203.0.113.0/24"]', "203.0.113.0/24, which includes public addresses", id="one public network"),
    pytest.param('["100.64.0.0/10"]', "100.64.0.0/10, which includes public addresses", id="shared by providers"),
    pytest.param('["10.0.0.0/8"]', "10.0.0.0/8", id="private"),
    pytest.param('["0.0.0.0/0"]', "everyone (IPv4), which is the whole Internet", id="everyone"),
    pytest.param('["0.0.0.0/1", "128.0.0.0/1"]', "everyone (IPv4), which is the whole Internet", id="in two halves"),
]


@pytest.mark.parametrize(("allow", "words"), NOTES)
def test_the_note_says_who_may_query(operator: Operator, allow: str, words: str) -> None:
    operator.site += f"[serve]\nallow = {allow}\n"
    assert f"may query: {words}" in operator.run(plan).notes
