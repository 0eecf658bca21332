"""Answers that no parser expects: each raises one error of one line."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provision.chrony.chronyc.accheck import parse_accheck
from provision.chrony.chronyc.associations import parse_associations, parse_measurements
from provision.chrony.chronyc.serverstats import parse_server_counters
from provision.chrony.chronyc.sources import parse_source_statistics, parse_sources
from provision.chrony.chronyc.tracking import parse_tracking
from provision.chrony.chronyc.version import parse_version
from provision.common.errors import ParseError
from tests.helpers.chronyc_answers import CASES, answer

SAID = "506 Cannot talk to daemon\n"

UNEXPECTED = [
    pytest.param(parse_tracking, SAID, "tracking: unexpected answer '506 Cannot talk", id="tracking"),
    pytest.param(parse_tracking, "", "tracking: unexpected answer (it printed nothing)", id="nothing"),
    pytest.param(parse_sources, SAID, "sources: unexpected answer", id="sources"),
    pytest.param(parse_accheck, "501 Not authorised\n", "accheck: unexpected answer '501 Not", id="accheck"),
    pytest.param(parse_server_counters, "1,2,3\n", "serverstats: unexpected answer '1,2,3'", id="serverstats"),
    pytest.param(parse_source_statistics, "1,2\n", "sourcestats: unexpected answer '1,2'", id="sourcestats"),
    pytest.param(parse_measurements, SAID, "ntpdata: unexpected answer", id="ntpdata"),
    pytest.param(parse_version, "chronyd: not found\n", "expected chrony's version", id="version"),
    pytest.param(parse_version, "x" * 200, f"got '{'x' * 77}...'", id="a long answer is cut"),
]


@pytest.mark.parametrize(("parse", "text", "words"), UNEXPECTED)
def test_an_unexpected_answer_is_quoted_in_one_line(parse: Callable[[str], object], text: str, words: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def both(text: str) -> object:
    return (*parse_associations("", text), *parse_associations(text, ""))


PARSERS = [
    parse_source_statistics,
    parse_measurements,
    both,
    parse_tracking,
    parse_sources,
    parse_accheck,
    parse_version,
    parse_server_counters,
]

FIELDS = st.sampled_from([field for case in CASES.glob("*.txt") for field in case.read_text().split(",")])

NEARLY = st.lists(FIELDS | st.text() | st.sampled_from(["nan", "-inf", "1_0", "9" * 5000]), max_size=40).map(",".join)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@given(text=st.text() | NEARLY)
@example(text=answer("tracking").replace("0.272", "nan"))
@example(text=answer("tracking").replace(",9,", f",{'9' * 5000},"))
def test_no_text_raises_anything_but_a_parse_error(parse: Callable[[str], object], text: str) -> None:
    try:
        assert parse(text) is not None
    except ParseError as error:
        assert "\n" not in str(error)
