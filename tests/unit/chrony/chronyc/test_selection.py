"""The answer to ``selectdata``."""

import pytest

from provision.chrony.chronyc.selection import Selection, parse_selection
from provision.common.errors import ParseError

LINE = "M,198.19.0.2,N,-,-,-,-,-,{effective},-,-,-,-,22,1.0,4.955628872,5.044382095,Normal\n"


@pytest.mark.parametrize(("effective", "excluded"), [("N", True), ("-", False)])
def test_a_source_that_authselectmode_excludes_is_named(effective: str, *, excluded: bool) -> None:
    found = parse_selection(LINE.format(effective=effective))
    assert found == {"198.19.0.2": Selection(state="M", excluded=excluded)}


def test_a_source_that_chrony_conf_excludes_is_not_one_that_authselectmode_excludes() -> None:
    line = LINE.format(effective="N").replace(",N,-,", ",N,N,", 1)
    assert parse_selection(line)["198.19.0.2"] == Selection(state="M", excluded=False)


def test_the_name_of_a_reference_clock_may_have_commas() -> None:
    line = LINE.format(effective="-").replace("198.19.0.2", "A,B,")
    assert set(parse_selection(line)) == {"A,B,"}


@pytest.mark.parametrize("line", ["M,198.19.0.2,N\n", "506 Cannot talk to daemon\n"])
def test_another_answer_is_an_error(line: str) -> None:
    with pytest.raises(ParseError, match=r"^chronyc selectdata: unexpected answer"):
        parse_selection(line)
