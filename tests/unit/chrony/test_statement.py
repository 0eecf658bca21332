"""The statements of a chrony.conf, with their places."""

import pytest

from provision.chrony.statement import Statement, statements


def test_a_statement_has_its_place_and_its_words() -> None:
    text = "# comment\n\n  Server  ntp1\tiburst \r\n! comment\n; comment\n% comment\nrtcsync"
    assert list(statements(text, "/etc/chrony/chrony.conf")) == [
        Statement(("Server", "ntp1", "iburst"), "/etc/chrony/chrony.conf", 3),
        Statement(("rtcsync",), "/etc/chrony/chrony.conf", 7),
    ]


def test_a_name_is_shown_in_lower_case_and_arguments_are_not() -> None:
    [statement] = statements("RefClock SHM 0 refid GPS", "a.conf")
    assert (statement.name, statement.arguments) == ("refclock", ("SHM", "0", "refid", "GPS"))
    assert (statement.text, statement.place) == ("RefClock SHM 0 refid GPS", "a.conf:1")


def test_a_statement_without_a_file_has_no_place() -> None:
    assert Statement(("rtcsync",)).place == ""
    assert [statement.place for statement in statements("rtcsync")] == [""]


@pytest.mark.parametrize("blank", ["\u00a0", "\u2028", "\x85", "\x1c"])
def test_a_blank_of_unicode_separates_neither_words_nor_lines(blank: str) -> None:
    [statement] = statements(f"server ntp1{blank}iburst")
    assert statement.words == ("server", f"ntp1{blank}iburst")


def test_only_the_first_character_makes_a_comment() -> None:
    [statement] = statements("server ntp1 # iburst")
    assert statement.arguments == ("ntp1", "#", "iburst")
