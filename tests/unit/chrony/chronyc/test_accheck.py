"""The answer to ``accheck``."""

from provision.chrony.chronyc.accheck import parse_accheck
from tests.helpers.chronyc_answers import answer


def test_accheck_says_who_may_ask() -> None:
    assert parse_accheck(answer("accheck-allowed"))
    assert not parse_accheck(answer("accheck-denied"))
