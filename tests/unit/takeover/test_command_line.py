"""The command line of a chronyd that is there: options and directives."""

import pytest

from provision.takeover.command_line import ChronydCommand, parse_chronyd

COMMANDS = [
    pytest.param(("chronyd", "-F", "1"), ChronydCommand((("F", "1"),)), id="an option with an argument"),
    pytest.param(("chronyd", "-F1", "-4"), ChronydCommand((("F", "1"), ("4", ""))), id="its argument in the same word"),
    pytest.param(("chronyd", "-df", "/a"), ChronydCommand((("d", ""), ("f", "/a"))), id="flags before it in one word"),
    pytest.param(
        ("chronyd", "-q", "server a iburst", "allow"),
        ChronydCommand((("q", ""),), ("server a iburst", "allow")),
        id="directives",
    ),
    pytest.param(("chronyd", "-f"), ChronydCommand((("f", ""),)), id="an argument that is missing"),
    pytest.param((), ChronydCommand(), id="no command line"),
]


@pytest.mark.parametrize(("command", "parsed"), COMMANDS)
def test_command_line(command: tuple[str, ...], parsed: ChronydCommand) -> None:
    assert parse_chronyd(command) == parsed


def test_the_last_file_of_the_command_line_counts() -> None:
    assert parse_chronyd(("chronyd", "-f", "/a", "-f/b")).file == "/b"
    assert parse_chronyd(("chronyd",)).file == ""
