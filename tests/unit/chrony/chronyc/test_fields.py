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


LINES = [
    pytest.param(parse_tracking, answer("tracking"), id="tracking"),
    pytest.param(parse_sources, answer("sources").splitlines()[0], id="sources"),
    pytest.param(parse_measurements, answer("ntpdata-keys").splitlines()[0], id="ntpdata"),
    pytest.param(parse_source_statistics, "198.19.0.2,6,3,74,-0.512,1.5,-0.000003,0.000005", id="sourcestats"),
    pytest.param(parse_server_counters, "7,2,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0", id="serverstats"),
]


@pytest.mark.parametrize(("parse", "line"), LINES)
@pytest.mark.parametrize("bad", ["9" * 400, f"0.{'9' * 400}", "9" * 21, "1_0", " 7", "\N{ARABIC-INDIC DIGIT THREE}"])
def test_a_number_that_chronyc_never_prints_is_refused(parse: Callable[[str], object], line: str, bad: str) -> None:
    """Infinity is no JSON, and an int of 400 digits no value of a metric: they would end the report on all hosts."""
    fields = line.rstrip("\n").split(",")
    good = repr(parse(line))
    for place, field in enumerate(fields):
        changed = ",".join([*fields[:place], bad, *fields[place + 1 :]])
        try:
            understood = repr(parse(changed))
        except ParseError:
            continue
        # A field that is text, or that nobody reads.
        assert understood in {good, good.replace(repr(field), repr(bad))}, f"field {place}: {understood}"


@pytest.mark.parametrize(("field", "value"), [(3, "256"), (4, "1024"), (4, "-129"), (5, "400"), (5, "-1"), (6, "-1")])
def test_a_source_beyond_the_ranges_of_the_protocol_is_refused(field: int, value: str) -> None:
    fields = answer("sources").splitlines()[0].split(",")
    fields[field] = value
    with pytest.raises(ParseError, match=r"^chronyc sources: unexpected answer"):
        parse_sources(",".join(fields))
