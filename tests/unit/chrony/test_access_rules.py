"""Which line of a chrony.conf decides, and which networks may ask: as chronyd decides (addrfilt.c, cmdparse.c)."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provision.chrony.access_rules import COMMANDS, AccessRules, opens_ipv6, widened
from provision.chrony.chronyc.accheck import parse_accheck
from provision.chrony.statement import statements
from provision.common.errors import ParseError
from tests.helpers.packaged_chronyd import Package, fetch


def rules(*lines: str) -> AccessRules:
    return AccessRules.of(statements("\n".join(lines), "chrony.conf"))


DECIDED = [
    pytest.param([], "10.1.2.3", "denied: no line allows it", id="no lines"),
    pytest.param(["allow 10.0.0.0/8"], "10.1.2.3", 'allowed by "allow 10.0.0.0/8"', id="inside"),
    pytest.param(["allow 10.0.0.0/8"], "192.0.2.1", "denied: no line allows it", id="outside"),
    pytest.param(["allow 10.0.0.0/8"], "::ffff:10.1.2.3", "denied: no line allows it", id="IPv4 written as IPv6"),
    pytest.param(["allow 10/8", "deny 10.1.0.0/16"], "10.1.2.3", 'denied by "deny 10.1.0.0/16"', id="narrower denies"),
    pytest.param(
        ["deny 10.1.0.0/16", "allow 10/8"], "10.1.2.3", 'denied by "deny 10.1.0.0/16"', id="narrower, whatever order"
    ),
    pytest.param(
        ["deny 10.1.0.0/16", "allow all 10/8"], "10.1.2.3", 'allowed by "allow all 10/8"', id="all removes narrower"
    ),
    pytest.param(
        ["allow all 10/8", "deny 10.1"], "10.1.2.3", 'denied by "deny 10.1"', id="all does not bind later lines"
    ),
    pytest.param(
        ["allow 10.1.0.0/16", "deny 10.0.0.0/15"],
        "10.1.2.3",
        'denied by "deny 10.0.0.0/15"',
        id="the later of two that share four bits, though it is wider",
    ),
    pytest.param(
        ["deny 10.0.0.0/15", "allow 10.1.0.0/16"],
        "10.1.2.3",
        'allowed by "allow 10.1.0.0/16"',
        id="the later of two that share four bits, and it is narrower",
    ),
    pytest.param(["allow"], "2001:db8::1", 'allowed by "allow"', id="no argument is both versions"),
    pytest.param(["allow all"], "2001:db8::1", 'allowed by "allow all"', id="all without a network is both versions"),
    pytest.param(["deny 2001:db8::/32", "allow all"], "2001:db8::1", 'allowed by "allow all"', id="all, IPv6"),
    pytest.param(["allow 0/0"], "192.0.2.1", 'allowed by "allow 0/0"', id="0/0 is IPv4"),
    pytest.param(["allow 0/0"], "2001:db8::1", "denied: no line allows it", id="0/0 is not IPv6"),
    pytest.param(["allow 10.1"], "10.1.255.1", 'allowed by "allow 10.1"', id="two numbers are 16 bits"),
    pytest.param(["allow 10.1/8"], "10.9.0.1", 'allowed by "allow 10.1/8"', id="two numbers with a length"),
    pytest.param(["allow 10.1.2.3/8"], "10.9.0.1", 'allowed by "allow 10.1.2.3/8"', id="bits behind the prefix"),
    pytest.param(["ALLOW 10/8"], "10.9.0.1", 'allowed by "ALLOW 10/8"', id="capitals"),
    pytest.param(["allow 10/8", "deny 10/8"], "10.9.0.1", 'denied by "deny 10/8"', id="the later of two equal"),
    pytest.param(["cmdallow 10/8"], "10.9.0.1", "denied: no line allows it", id="commands are another matter"),
    pytest.param(
        ["allow lab.example.net"],
        "10.9.0.1",
        'not known: denied: no line allows it, unless lab.example.net of "allow lab.example.net" resolves to it',
        id="a name may allow",
    ),
    pytest.param(
        ["allow 10/8", "deny lab.example.net"],
        "10.9.0.1",
        'not known: allowed by "allow 10/8", unless lab.example.net of "deny lab.example.net" resolves to it',
        id="a name may deny",
    ),
    pytest.param(
        ["allow 10/8", "allow lab.example.net"], "10.9.0.1", 'allowed by "allow 10/8"', id="a name that agrees"
    ),
    pytest.param(
        ["deny lab.example.net", "allow all 10/8"],
        "10.9.0.1",
        'allowed by "allow all 10/8"',
        id="all removes what a name said",
    ),
    pytest.param(
        ["deny lab.example.net", "allow 10.9.0.1"],
        "10.9.0.1",
        'allowed by "allow 10.9.0.1"',
        id="a later line for the address alone",
    ),
    pytest.param(
        ["allow 10.9.0.1", "deny lab.example.net"],
        "10.9.0.1",
        'not known: allowed by "allow 10.9.0.1", unless lab.example.net of "deny lab.example.net" resolves to it',
        id="a name after the line for the address alone",
    ),
]


@pytest.mark.parametrize(("lines", "address", "words"), DECIDED)
def test_the_line_that_decides_is_named(lines: list[str], address: str, words: str) -> None:
    assert str(rules(*lines).decide(address)) == words


REFUSED = [
    pytest.param("allow 10.0.0.0/33", "a prefix of IPv4 has at most 32 bits", id="IPv4 with 33 bits"),
    pytest.param("allow ::/129", "a prefix of IPv6 has at most 128 bits", id="IPv6 with 129 bits"),
    pytest.param("deny 10.0.0.0/x", "'x' is not a prefix length", id="length in letters"),
    pytest.param("deny 10.0.0.0/-1", "'-1' is not a prefix length", id="length below zero"),
    pytest.param("allow 10.256", "10.256 has a number above 255", id="number above 255"),
    pytest.param("allow lab.example.net/24", "'lab.example.net' is not an IP address", id="name with a length"),
    pytest.param("allow /8", "'' is not an IP address", id="length alone"),
    pytest.param("allow 10/8 11/8", "it has more arguments than one network", id="two networks"),
    pytest.param("allow all 10/8 11/8", "it has more arguments than one network", id="all and two networks"),
]


@pytest.mark.parametrize(("line", "why"), REFUSED)
def test_a_line_that_chronyd_refuses_is_named_with_its_place(line: str, why: str) -> None:
    with pytest.raises(ParseError) as caught:
        rules("# who may ask", line)
    assert str(caught.value) == f"chrony.conf:2: {line}: {why}"


def test_a_text_that_is_no_address_is_refused() -> None:
    for text in ("ntp1", "fe80::1%eth0", "10.1", ""):
        with pytest.raises(ParseError, match="is not an IP address"):
            rules("allow").decide(text)


def test_lines_about_commands_are_read_apart() -> None:
    both = list(statements("allow 10/8\ncmdallow 127/8\ncmddeny 10/8"))
    assert str(AccessRules.of(both, COMMANDS).decide("127.0.0.1")) == 'allowed by "cmdallow 127/8"'
    assert str(AccessRules.of(both).decide("127.0.0.1")) == "denied: no line allows it"


WIDENED = [
    pytest.param([], ["allow"], "0.0.0.0/0 ::/0", id="everyone"),
    pytest.param(["allow"], ["allow"], "", id="the same"),
    pytest.param(["allow"], [], "", id="narrower"),
    pytest.param(["allow 10.9"], ["allow 10.8/15"], "10.8.0.0/16", id="the other half"),
    pytest.param(["allow 10/8", "deny 10.1"], ["allow 10/8"], "10.1.0.0/16", id="no longer denied"),
    pytest.param(["allow 10/9", "allow 10.128/9"], ["allow 10/8"], "", id="the same in other words"),
    pytest.param(
        ["allow 10/8"], ["allow 10/8", "allow 172.16/12", "allow fd00::/8"], "172.16.0.0/12 fd00::/8", id="more"
    ),
    pytest.param(["allow 10.1", "deny 10.0/15"], ["allow 10.1"], "10.1.0.0/16", id="a denied one of four bits"),
]


@pytest.mark.parametrize(("old", "new", "networks"), WIDENED)
def test_networks_that_may_newly_ask(old: list[str], new: list[str], networks: str) -> None:
    assert widened(rules(*old), rules(*new)) == tuple(map(ip_network, networks.split()))


@pytest.mark.parametrize(
    ("old", "new", "opens"),
    [
        ("allow 10/8", "allow", True),
        ("allow 10/8", "allow 0/0", False),
        ("allow ::1", "allow", False),
        ("allow", "deny", False),
    ],
)
def test_ipv6_that_opens(old: str, new: str, opens: bool) -> None:  # noqa: FBT001 -- a table
    assert opens_ipv6(rules(old), rules(new)) is opens


def test_host_names_are_listed() -> None:
    names = rules("allow lab.example.net", "deny 10/8", "deny all other.example.net").host_names
    assert [rule.host_name for rule in names] == ["lab.example.net", "other.example.net"]


# Few bits vary, so that networks lie in one another often. The lengths are of three levels of chronyd's tree.
FOUR = st.builds(lambda bits: str(IPv4Address(bits << 20)), st.integers(0, 4095))
SIX = st.builds(lambda bits: str(IPv6Address(bits << 116)), st.integers(0, 4095))
BYTE = st.sampled_from(["0", "1", "10", "127", "192", "255"])
SHORT = st.lists(BYTE, min_size=1, max_size=3).map(".".join)
NETWORK = st.one_of(
    st.builds("{}/{}".format, FOUR, st.integers(0, 13) | st.sampled_from([31, 32])),
    st.builds("{}/{}".format, SIX, st.integers(0, 13) | st.sampled_from([127, 128])),
    st.builds("{}/{}".format, SHORT, st.integers(0, 13)),
    FOUR,
    SIX,
    SHORT,
    st.sampled_from(["0/0", "::/0", "0.0.0.0/0", ""]),
)
LINE = st.builds(
    lambda verb, all_, network: " ".join(word for word in (verb, all_, network) if word),
    st.sampled_from(["allow", "deny"]),
    st.sampled_from(["", "", "", "all"]),
    NETWORK,
)
LINES = st.lists(LINE, max_size=8)
ADDRESSES = st.lists(FOUR | SIX, min_size=1, max_size=12, unique=True)


@given(LINES, LINES, ADDRESSES)
def test_networks_agree_with_decisions(old: list[str], new: list[str], addresses: list[str]) -> None:
    before, after = rules(*old), rules(*new)
    wider = widened(before, after)
    for address in addresses:
        admitted = after.decide(address).allowed
        assert any(ip_address(address) in network for network in after.allowed) is admitted
        newly = admitted and not before.decide(address).allowed
        assert any(ip_address(address) in network for network in wider) is newly


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return fetch(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def socket(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run one chronyd; its rules are changed by chronyc, which reads them with the function that reads chrony.conf."""
    with package.chronyd(tmp_path_factory.mktemp("chronyd") / "run", "port 0") as path:
        yield path


def ask(package: Package, socket: Path, commands: list[str]) -> list[str]:
    """Return the answer of chronyc to each of several commands."""
    done = subprocess.run(
        [package.root / "usr/bin/chronyc", "-n", "-h", socket],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        input="\n".join((*commands, "")),
    )
    return [line for line in done.stdout.splitlines() if line[:3].isdecimal()]


def decisions(own: AccessRules, addresses: list[str]) -> dict[str, bool]:
    return {address: own.decide(address).allowed for address in addresses}


@pytest.mark.integration
@settings(max_examples=400, derandomize=True)
@given(lines=LINES, addresses=ADDRESSES)
@example(lines=["allow 10.1.0.0/16", "deny 10.0.0.0/15"], addresses=["10.1.0.1", "10.0.0.1"])
@example(lines=["allow 10.1", "deny 10.1.2.3", "allow all 10/8"], addresses=["10.1.2.3"])
def test_each_decision_is_that_of_chronyd(
    package: Package, socket: Path, lines: list[str], addresses: list[str]
) -> None:
    # "deny all" brings the rules back to those of the start: each address is denied, and no network is known.
    commands = ["deny all", *lines, *(f"accheck {address}" for address in addresses)]
    answers = ask(package, socket, commands)
    assert len(answers) == len(commands), answers
    said = {address: parse_accheck(text) for address, text in zip(addresses, answers[-len(addresses) :], strict=True)}
    assert decisions(rules("deny all", *lines), addresses) == said


@pytest.mark.integration
@settings(max_examples=15, derandomize=True)
@given(lines=LINES, addresses=ADDRESSES)
def test_each_decision_is_that_of_chronyd_with_a_file(
    package: Package, tmp_path_factory: pytest.TempPathFactory, lines: list[str], addresses: list[str]
) -> None:
    with package.chronyd(tmp_path_factory.mktemp("chronyd") / "run", "port 0", *lines) as path:
        answers = ask(package, path, [f"accheck {address}" for address in addresses])
    said = {address: parse_accheck(text) for address, text in zip(addresses, answers, strict=True)}
    assert decisions(rules(*lines), addresses) == said


WRITTEN = [
    *("allow 10.1.2.3/8", "allow 010.1", "allow 10.01.0.0/16", "allow 1.2.3.4.5/8", "allow 10./8", "allow 10/8/8"),
    *("allow ::ffff:10.0.0.0/104", "allow 1::2::3/16", "allow fe80::1%lo/64", "allow 255.255", "allow 256"),
    *("allow 10/33", "allow ::/129", "allow ::/128", "allow /", "allow 10/", "allow all 10/8 all", "allow 10 11"),
    *("deny all all/8", "ALLOW 10", "allow 300.1.1.1/8"),
]


@pytest.mark.integration
@pytest.mark.parametrize("line", WRITTEN)
def test_a_line_is_refused_where_chronyd_refuses_it(package: Package, tmp_path: Path, line: str) -> None:
    conf = tmp_path / "chrony.conf"
    conf.write_text(f"{line}\n")
    conf.parent.chmod(0o755)
    done = subprocess.run(
        [package.root / "usr/sbin/chronyd", "-p", "-U", "-f", conf], check=False, capture_output=True, timeout=60
    )
    taken = False
    with suppress(ParseError):
        taken = bool(rules(line).rules[0].networks)
    # chronyd reports a prefix that is too long only when it starts, after -p has ended.
    too_long = line in {"allow 10/33", "allow ::/129"}
    assert (done.returncode == 0) is (taken or too_long), done.stderr
