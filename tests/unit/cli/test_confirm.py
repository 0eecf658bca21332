"""A question before something that cannot be taken back."""

import io

import pytest

from provision.cli.confirm import confirmed
from provision.common.errors import UsageError


class Keyboard(io.StringIO):
    """Standard input that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False), ("yellow\n", False)],
)
def test_only_yes_is_yes(typed: str, meant: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 -- a case
    monkeypatch.setattr("sys.stdin", Keyboard(typed))
    assert confirmed("keys.rotate", yes=False) == meant


def test_without_a_terminal_the_option_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(UsageError, match="standard input is no terminal: read the above and say --yes"):
        confirmed("keys.rotate", yes=False)
    assert confirmed("keys.rotate", yes=True)
