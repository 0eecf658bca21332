"""What is said about a line of an old configuration."""

import pytest

from provision.chrony.statement import Statement, statements
from provision.common.results import Fate
from provision.takeover.remark import carried, changed, lost, shown_line


def test_a_remark_has_its_place_and_reason() -> None:
    (line,) = statements("rtcsync", "/etc/chrony.conf")
    assert [remark.fate for remark in (carried(line), changed(line, "x"), lost(line, "x"))] == list(Fate)
    assert (lost(line, "why").place, lost(line, "why").why) == ("/etc/chrony.conf:1", "why")


@pytest.mark.parametrize(
    ("statement", "place"),
    [(Statement(("lock_all",)), "command line"), (Statement(("rtcsync",), "/etc/ntp.conf"), "/etc/ntp.conf")],
)
def test_what_no_line_says_has_a_place(statement: Statement, place: str) -> None:
    assert carried(statement).place == place


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("server a  key 12", "server a key 12"),
        ("12 AES128 HEX:00112233445566778899AABBCCDDEEFF", "12 …"),
        ("server a key hex:00112233", "server a key hex:…"),
        ("crypto pw hunter2", "crypto …"),
    ],
)
def test_secrets_are_not_shown(text: str, shown: str) -> None:
    (line,) = statements(text)
    assert shown_line(line) == shown
