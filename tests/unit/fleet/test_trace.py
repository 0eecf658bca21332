"""The path of the time from its origin to a host."""

from dataclasses import replace

import pytest

from provision.fleet.trace import trace
from provision.host.target import Target, parse_target
from provision.output.report import Report
from provision.output.status import REFERENCE_CLOCK, Authentication, HostStatus, TimeSource
from provision.output.trace import End, Trace, trace_text
from tests.helpers.status_samples import CLOCK, SOURCE, STATUS

SITE = {"10.0.0.1": parse_target("ntp1"), "10.0.0.2": parse_target("ntp2"), "10.0.0.9": parse_target("web1")}
"""The hosts of the site by their addresses."""


def following(address: str, **more: object) -> HostStatus:
    """Return the state of a host that follows the server at an address."""
    source = replace(SOURCE, name=address, address=address, **more)  # type: ignore[arg-type]
    return replace(STATUS, clock=replace(CLOCK, reference=address), sources=(source,))


def path_of(states: dict[str, HostStatus | None]) -> Trace:
    """Follow the time of web1, where the hosts have these states."""

    def ask(target: Target) -> Report:
        state = states[str(target)]
        error = None if state else f"{target}: connection refused"
        return Report(host=target, status=state, error=error, tried=state is not None)

    def host_of(source: TimeSource) -> Target | None:
        return SITE.get(source.address)

    return trace(SITE["10.0.0.9"], ask, host_of)


OUTSIDE = {
    "web1": following("10.0.0.1"),
    "ntp1": following(
        "192.0.2.1", authentication=Authentication.NONE, key_id=None, authenticated=False, reference="GPS", stratum=1
    ),
}
TEXT = """\
host       stratum  offset  error bound  follows    authentication
web1       2        -3 µs   5 ms         10.0.0.1   key 7, valid
ntp1       2        -3 µs   5 ms         192.0.2.1  none
192.0.2.1  1        -       -            -          -
end of the path: 192.0.2.1 is no host of the site; its clock is GPS
error bound of web1 against stratum 1: 5 ms, the sum over all hops
not authenticated: ntp1 follows 192.0.2.1"""


def test_the_path_leads_over_hosts_of_the_site_to_a_source_outside() -> None:
    path = path_of({**OUTSIDE})
    assert path.reaches_origin
    assert trace_text(path) == TEXT


def test_a_source_outside_tells_by_its_reference_id_which_source_it_follows() -> None:
    path = path_of({"web1": following("192.0.2.7", reference="192.0.2.1", stratum=2)})
    assert path.words == "192.0.2.7 is no host of the site; it follows 192.0.2.1 (of IPv6, this is a hash)"
    own = path_of({"web1": following("192.0.2.7", reference="127.127.1.1", stratum=1)})
    assert own.words == "192.0.2.7 is no host of the site; it serves its own clock (local)"
    assert path_of({"web1": following("192.0.2.7", reference="")}).words == "192.0.2.7 is no host of the site"


def test_a_reference_clock_is_the_origin_and_needs_no_authentication() -> None:
    clock = following("PPS", kind=REFERENCE_CLOCK, authenticated=None, authentication=Authentication.UNKNOWN)
    path = path_of({"web1": clock})
    assert (path.end, path.words, path.unauthenticated) == (End.REFERENCE_CLOCK, "PPS is a reference clock of web1", ())


@pytest.mark.parametrize(
    ("authentication", "authenticated"),
    [
        (Authentication.NONE, None),
        (Authentication.KEY, False),
        (Authentication.KEY, None),
        (Authentication.UNKNOWN, True),
    ],
)
def test_a_hop_is_authenticated_only_by_a_valid_answer(
    authentication: Authentication,
    authenticated: bool | None,  # noqa: FBT001 -- a parameter of a case
) -> None:
    path = path_of({"web1": following("192.0.2.7", authentication=authentication, authenticated=authenticated)})
    assert [hop.name for hop in path.unauthenticated] == ["web1"]
    good = path_of({"web1": following("192.0.2.7", authentication=Authentication.NTS, authenticated=True)})
    assert good.unauthenticated == ()


def test_a_loop_is_named() -> None:
    path = path_of({"web1": following("10.0.0.1"), "ntp1": following("10.0.0.2"), "ntp2": following("10.0.0.1")})
    assert (path.reaches_origin, path.words) == (False, "loop: ntp2 follows ntp1, which is on the path already")
    assert [hop.name for hop in path.hops] == ["web1", "ntp1", "ntp2"]
    assert (path.end, path.loop) == (End.LOOP, ("ntp1", "ntp2"))


def test_the_path_ends_at_a_host_that_cannot_be_asked_or_has_no_source() -> None:
    refused = path_of({"web1": following("10.0.0.1"), "ntp1": None})
    assert (refused.end, refused.words, refused.loop) == (End.NO_ANSWER, "ntp1: connection refused", ())
    silent = replace(STATUS, clock=None, sources=())
    assert path_of({"web1": silent}).words == "chronyd on web1 does not answer"
    own = replace(STATUS, clock=replace(CLOCK, synchronised=False, reference="local"), sources=())
    local = path_of({"web1": own})
    assert (local.end, local.words) == (End.OWN_CLOCK, "web1 serves its own clock (local)")
    lost = replace(STATUS, clock=replace(CLOCK, synchronised=False, reference=""), sources=())
    path = path_of({"web1": lost})
    assert (path.end, path.words, path.reaches_origin) == (End.NOT_SYNCHRONISED, "web1 is not synchronised", False)
    assert "error bound of" not in trace_text(path)
