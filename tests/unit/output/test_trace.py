"""The path of the time: the values that follow from its hops, and its text."""

from dataclasses import replace

from provision.output.trace import End, Hop, Trace, trace_text
from tests.helpers.status_samples import CLOCK, SOURCE

HOST = Hop(name="web1", stratum=2, clock=CLOCK, source=SOURCE, reference="198.51.100.7")
OUTSIDE = Hop(name="ntp1.example.net", stratum=1, clock=None, source=None, reference="GPS")
PATH = Trace(hops=(HOST, OUTSIDE), end=End.OUTSIDE, words="ntp1.example.net is no host of the site; its clock is GPS")
PLAIN = replace(HOST, source=replace(SOURCE, authenticated=False))
LOOP = Trace(hops=(HOST, PLAIN), end=End.LOOP, words="loop: b follows a", loop=("a", "b"))


def test_a_path_is_as_exact_as_its_first_host_says() -> None:
    assert PATH.error_bound_seconds == 5e-3
    lost = replace(HOST, clock=replace(CLOCK, synchronised=False))
    assert replace(PATH, hops=(lost, OUTSIDE)).error_bound_seconds is None
    assert replace(PATH, hops=()).error_bound_seconds is None


def test_a_path_that_does_not_lead_to_stratum_1_has_no_error_against_it() -> None:
    own = replace(OUTSIDE, reference="127.127.1.1")
    assert replace(PATH, hops=(HOST, own)).error_bound_seconds == 5e-3
    local = replace(HOST, stratum=10, reference="local")
    for path in (
        replace(PATH, hops=(HOST, replace(own, stratum=10))),
        Trace(hops=(HOST, local), end=End.OWN_CLOCK, words="ntp1 serves its own clock (local)"),
        LOOP,
    ):
        assert path.error_bound_seconds is None
        assert "error bound of" not in trace_text(path)


def test_only_a_device_and_a_source_outside_of_the_site_are_an_origin() -> None:
    origins = {end for end in End if replace(PATH, end=end).reaches_origin}
    assert origins == {End.REFERENCE_CLOCK, End.OUTSIDE}


def test_text_from_a_host_stays_on_its_line() -> None:
    hostile = replace(OUTSIDE, name="\x1b[2Jntp\nX")
    text = trace_text(replace(PATH, hops=(HOST, hostile)))
    assert "\x1b" not in text
    assert text.splitlines()[2].startswith(r"\x1b[2Jntp\nX  1 ")


def test_hops_without_authentication_are_named() -> None:
    assert trace_text(LOOP).splitlines()[-1] == "not authenticated: web1 follows ntp1.example.net"
    assert trace_text(PATH).splitlines()[-1] == "error bound of web1 against stratum 1: 5 ms, the sum over all hops"
