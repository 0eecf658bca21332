"""A switch that waits to be confirmed: what the host goes back to, and when."""

import pytest

from provision.common.errors import ParseError
from provision.host.unconfirmed import named_values, parse_unconfirmed

SAID = "generation=aaaa\nfallback=bbbb\nreverts=2026-11-22T20:00:59Z\nnow=2026-11-22T20:00:00Z"

AT = "at 20:00:59 UTC by its clock, in 59 s"
WORDS = [
    pytest.param(SAID, f"unconfirmed: the host goes back to generation bbbb {AT}", id="another generation"),
    pytest.param(
        SAID.replace("bbbb", "before"),
        f"unconfirmed: the host goes back to the previous time service {AT}",
        id="the first deployment",
    ),
    pytest.param(
        "generation=aaaa\nfallback=bbbb\nreverting=yes\nnow=2026-11-22T20:00:00Z",
        "unconfirmed: the host goes back to generation bbbb now",
        id="the timer has gone off",
    ),
    pytest.param(
        "generation=aaaa\nfallback=bbbb\nnow=2026-11-22T20:00:00Z",
        "unconfirmed, and no timer is set that would go back to generation bbbb: deploy again, or roll back",
        id="somebody stopped the timer",
    ),
]


@pytest.mark.parametrize(("said", "words"), WORDS)
def test_it_names_the_next_generation_the_time_and_the_clock(said: str, words: str) -> None:
    assert str(parse_unconfirmed(named_values(said))) == words


def test_without_a_switch_that_waits_there_is_none() -> None:
    assert parse_unconfirmed(named_values("")) is None


@pytest.mark.parametrize("said", [SAID.replace("20:00:59Z", "soon"), SAID.replace("now=", "then=")])
def test_a_time_that_cannot_be_read_is_an_error(said: str) -> None:
    with pytest.raises(ParseError, match="the time of the way back cannot be read"):
        parse_unconfirmed(named_values(said))


def test_a_line_without_a_value_is_an_error() -> None:
    with pytest.raises(ParseError, match="expected name=value, got 'Failed'"):
        named_values("Failed")
