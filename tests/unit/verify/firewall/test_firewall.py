"""What local firewalls said, on booted hosts, and what we make of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.errors import ParseError
from provision.deploy.steps.firewall import FirewallOpen
from provision.verify.firewall.firewall import Firewall, State, command, parse_firewall
from provision.verify.firewall.rules import NTP, Packet

CASES = Path(__file__).parents[3] / "cases/firewall"
INPUT = "nftables inet filter input"
SEEN = [
    ("none", State.OPEN, ()),
    ("nftables-jumps-and-maps", State.OPEN, ()),
    ("nftables-lets-in-but-one", State.OPEN, ()),
    ("nftables-ours", State.OPEN, ()),
    ("nftables-from-some", State.LIMITED, (INPUT,)),
    ("nftables-shut", State.CLOSED, (INPUT,)),
    ("iptables-open", State.OPEN, ()),
    ("iptables-from-some", State.LIMITED, ("iptables",)),
    ("iptables-shut", State.CLOSED, ("iptables",)),
    ("ip6tables-shut", State.CLOSED, ("ip6tables",)),
    ("ufw-open", State.OPEN, ()),
    ("ufw-allows", State.OPEN, ()),
    ("ufw-from-some", State.LIMITED, ("ufw",)),
    ("ufw-shut", State.CLOSED, ("ufw",)),
    ("firewalld-open", State.OPEN, ()),
    ("firewalld-port", State.OPEN, ()),
    ("firewalld-from-some", State.LIMITED, ("firewalld public",)),
    ("firewalld-shut", State.CLOSED, ("firewalld public",)),
]


def text(case: str) -> str:
    return (CASES / f"{case}.txt").read_text()


@pytest.mark.parametrize(("case", "state", "openings"), SEEN, ids=[case for case, _, _ in SEEN])
def test_what_a_host_said_is_understood(case: str, state: State, openings: tuple[str, ...]) -> None:
    firewall = parse_firewall(text(case))
    assert (firewall.state, firewall.openings) == (state, openings)


ZONE_PORT = "--zone=public --add-port=4460/tcp"
NTS_KE = Packet(protocol="tcp", port=4460)
SEEN_FOR_NTS = [
    ("none", State.OPEN, ()),
    ("nftables-jumps-and-maps", State.LIMITED, (INPUT,)),
    ("nftables-ours", State.CLOSED, (INPUT,)),
    ("nftables-shut", State.CLOSED, (INPUT,)),
    ("iptables-open", State.CLOSED, ("iptables",)),
    ("iptables-shut", State.CLOSED, ("iptables",)),
    ("ufw-open", State.LIMITED, ("ufw",)),
    ("ufw-allows", State.OPEN, ()),
    ("firewalld-open", State.CLOSED, ("firewalld public",)),
    ("firewalld-port", State.CLOSED, ("firewalld public",)),
]
"""Rules for 123/udp let no TCP in."""


@pytest.mark.parametrize(("case", "state", "openings"), SEEN_FOR_NTS, ids=[case for case, _, _ in SEEN_FOR_NTS])
def test_the_key_exchange_of_nts_has_a_port_of_its_own(case: str, state: State, openings: tuple[str, ...]) -> None:
    firewall = parse_firewall(text(case), NTS_KE)
    assert (firewall.state, firewall.openings) == (state, openings)


@pytest.mark.parametrize(
    ("opening", "recorded", "line"),
    [
        (
            "firewalld public",
            "firewalld public 4460/tcp",
            f"firewall-cmd --permanent {ZONE_PORT} && firewall-cmd {ZONE_PORT}",
        ),
        ("ufw", "ufw 4460/tcp", "ufw allow 4460/tcp"),
        (
            INPUT,
            f"{INPUT} 4460/tcp",
            "nft insert rule inet filter input tcp dport 4460 accept comment chrony-provision",
        ),
        (
            "iptables",
            "iptables 4460/tcp",
            "iptables -w -I INPUT -p tcp --dport 4460 -m comment --comment chrony-provision -j ACCEPT",
        ),
    ],
)
def test_an_opening_for_nts_is_recorded_with_its_port(opening: str, recorded: str, line: str) -> None:
    firewall = Firewall(state=State.CLOSED, packet=NTS_KE, openings=(opening,))
    assert firewall.commands == ((recorded, line),)
    assert Firewall(state=State.CLOSED, openings=(opening,)).commands == ((opening, command(opening)),)
    assert str(NTS_KE) in str(firewall.shut)
    assert str(NTP) not in str(firewall.advice)


def test_every_transcript_is_a_case() -> None:
    assert {path.stem for path in CASES.iterdir()} == {case for case, _, _ in SEEN}


ADVICE = [
    ("none", None),
    ("firewalld-open", None),
    ("ufw-open", None),
    (
        "firewalld-shut",
        (
            "firewalld (zone public) does not let in 123/udp: firewall-cmd --permanent --zone=public --add-service=ntp"
            " && firewall-cmd --zone=public --add-service=ntp"
        ),
    ),
    ("ufw-shut", "ufw does not let in 123/udp: ufw allow 123/udp"),
    (
        "nftables-shut",
        (
            "nftables (table inet filter, chain input) does not let in 123/udp: "
            "nft insert rule inet filter input udp dport 123 accept comment chrony-provision"
        ),
    ),
    (
        "nftables-ours",
        (
            "nftables (table inet filter, chain input) lets in 123/udp until its rules are loaded again; to keep that, "
            "begin chain input of table inet filter with 'udp dport 123 accept' in the file of its ruleset"
        ),
    ),
    (
        "iptables-from-some",
        (
            "iptables lets in 123/udp from some only, or on conditions: "
            "iptables -w -I INPUT -p udp --dport 123 -m comment --comment chrony-provision -j ACCEPT"
        ),
    ),
]


@pytest.mark.parametrize(("case", "advice"), ADVICE, ids=[case for case, _ in ADVICE])
def test_the_operator_is_told_what_is_shut_and_what_opens_it(case: str, advice: str | None) -> None:
    assert parse_firewall(text(case)).advice == advice


UNTOLD = [
    ("", "the host did not say"),
    ("firewalld\nError: INVALID_ZONE: public", "firewall-cmd did not list the services and ports of the zone"),
    ("firewalld\n", "firewall-cmd did not list the services and ports of the zone"),
    ("ufw\nERROR: problem running iptables", "ufw did not print its default for incoming packets"),
    ("rules\nError: JSON support not compiled-in\n--- nft 1\n", "nft: Error: JSON support not compiled-in"),
    ("rules\n\n--- iptables 4\n", "iptables: it printed nothing"),
    ("rules\n:INPUT DROP [0:0]\n-A INPUT --dport x -j ACCEPT\n--- iptables 0", "iptables printed a rule that"),
]


@pytest.mark.parametrize(("said", "why"), UNTOLD, ids=[why for _, why in UNTOLD])
def test_could_not_tell_never_reads_as_open(said: str, why: str) -> None:
    firewall = parse_firewall(said)
    assert firewall.state is State.UNKNOWN
    assert firewall.advice is not None
    assert firewall.advice.startswith(f"it could not be told whether a local firewall lets in 123/udp: {why}")
    assert FirewallOpen().drift(said) == firewall.shut


def assert_tells(firewall: Firewall) -> None:
    """Assert that it is told in one line why it is not open, and that what keeps requests out is named."""
    assert (firewall.shut is None) == (firewall.state is State.OPEN)
    assert "\n" not in f"{firewall.shut}{firewall.advice}"
    assert bool(firewall.openings) == (firewall.state in {State.CLOSED, State.LIMITED})
    assert bool(firewall.why) == (firewall.state is State.UNKNOWN)


@given(st.sampled_from(["", "ufw\n", "firewalld\n", "rules\n"]), st.text())
def test_no_text_makes_it_raise(head: str, said: str) -> None:
    assert_tells(parse_firewall(head + said))


@given(st.sampled_from([case for case, _, _ in SEEN]), st.data())
def test_a_transcript_that_was_damaged_does_not_make_it_raise(case: str, data: st.DataObject) -> None:
    whole = text(case)
    begin, end = sorted(data.draw(st.tuples(*2 * [st.integers(0, len(whole))])))
    assert_tells(parse_firewall(whole[:begin] + whole[end:]))


def test_there_is_no_command_for_a_door_of_no_firewall() -> None:
    with pytest.raises(ParseError):
        command("pf")
