"""The whole state of a host, made of the sections that a script has printed."""

from provision.build.evidence import sections
from provision.output.status import ClockLimits, HostStatus
from provision.verify.expectation import Expectation, expect
from provision.verify.host_status import host_status, parse_answers
from tests.helpers.samples import CASES, FACTS

CLOCK = (CASES / "evidence" / "server.txt").read_text()
STATE = """\
==> unconfirmed
==> key ids
1-2
7-7
==> serverstats
120,3,40,0,0,0,0,110
==> sourcestats
198.19.0.2,6,3,74,-0.512,1.5,-0.000003,0.000005
==> names
^,*,time.example,1,2,377,1,-0.000000892,-0.000001025,0.000026260
==> finished
"""
LIMITS = ClockLimits(offset_seconds=0.05, error_seconds=1.0, least_sources=1, authenticated=False)
FOLLOWS = expect("server time.example\nallow 0.0.0.0/0\n", version="", seccomp=False, facts=FACTS)
CLIENT = expect("server time.example\nport 0\n", version="", seccomp=False, facts=FACTS)
LOCAL = expect("local stratum 5\nallow 0.0.0.0/0\n", version="", seccomp=False, facts=FACTS)


def state(text: str = CLOCK, expected: Expectation = FOLLOWS) -> HostStatus:
    """Return the state of a host by this text about its clock."""
    said = sections(f"{text.replace('==> finished', '==> end')}{STATE}")
    return host_status(
        said,
        parse_answers(said),
        expected,
        generation="aaaa",
        executable="/opt/chrony/builds/chrony-4.9-nettle-3.10.2-48d8d26a6fd6/sbin/chronyd",
        limits=LIMITS,
        wanted_release="4.8",
    )


def test_it_has_what_the_host_and_the_site_say() -> None:
    seen = state()
    assert (seen.role, seen.generation, seen.release, seen.wanted_release) == ("server", "aaaa", "4.9", "4.8")
    assert (seen.confirmed, seen.key_ids, seen.limits) == (True, "1-2,7", LIMITS)
    assert seen.clock is not None
    (source,) = seen.sources
    assert (source.name, source.address, source.state) == ("time.example", "198.19.0.2", "selected")
    assert source.statistics is not None
    assert source.measurement is not None
    assert seen.server is not None


def test_a_client_counts_no_requests_and_a_host_without_sources_has_no_limits() -> None:
    assert state(expected=CLIENT).server is None
    assert state(expected=LOCAL).limits is None


def test_a_daemon_that_does_not_answer_has_neither_clock_nor_sources() -> None:
    text = CLOCK.replace("==> tracking\n", "==> tracking\n506 Cannot talk to daemon\n==> spare\n")
    seen = state(text)
    assert (seen.clock, seen.sources) == (None, ())


def test_a_daemon_that_does_not_show_how_its_sources_are_authenticated_is_believed_in_the_rest() -> None:
    (source,) = state(CLOCK.replace("198.19.0.2,-,0,0,0,4294967295,0,0,0,0", "501 Not authorised")).sources
    assert (source.authentication, source.state) == ("unknown", "selected")
