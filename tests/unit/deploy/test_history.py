"""The history of a host is shown, on a host that is a table."""

import pytest

from provision.deploy.history import history
from tests.unit.deploy.conftest import Operator


def test_the_history_is_shown_and_changes_nothing(
    twice: tuple[Operator, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    operator, first, second = twice
    capsys.readouterr()
    assert operator.run(history).ok
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if first in line or second in line]
    assert ["  deployed  " in line and "  proven and confirmed" in line for line in lines] == [True, True]
    assert [line.endswith("  current") for line in lines] == [False, True]
    assert operator.host.told == []


def test_a_host_without_a_history_says_so(operator: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    assert operator.run(history).ok
    assert "nothing was ever deployed here" in capsys.readouterr().out
