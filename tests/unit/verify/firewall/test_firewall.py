"""What local firewalls said, on booted hosts, and what we make of it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.errors import CommandFailed, ParseError, SiteError
from provision.deploy.steps.firewall import FirewallOpen
from provision.host import scripts
from provision.host.host import Host
from provision.host.transport import Output
from provision.host.transport.local import LocalTransport
from provision.verify.firewall.firewall import Firewall, State, command, parse_firewall
from provision.verify.firewall.rules import NTP, Answer, Packet, all_of, any_of, negated
from tests.helpers.samples import read_site

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


def ruleset(*rules: list[object], policy: str = "drop") -> str:
    """Return what the look prints of a chain "input" with these rules, and an empty chain "other"."""
    where = {"family": "inet", "table": "t"}
    chains = [{**where, "name": "input", "hook": "input", "policy": policy}, {**where, "name": "other"}]
    entries: list[object] = [{"chain": chain} for chain in chains]
    entries += [{"rule": {**where, "chain": "input", "expr": rule}} for rule in rules]
    return f"rules\n{json.dumps({'nftables': entries})}\n--- nft 0\n"


def match(left: object, right: object, op: str = "==") -> dict[str, object]:
    return {"match": {"op": op, "left": left, "right": right}}


ACCEPT, DROP = {"accept": None}, {"drop": None}
DPORT = {"payload": {"protocol": "udp", "field": "dport"}}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
RULES = [
    pytest.param([[ACCEPT]], State.OPEN, id="a rule without a match fits all"),
    pytest.param([[match(DPORT, 122)], [match(DPORT, {"range": [100, 122]}), ACCEPT]], State.CLOSED, id="other ports"),
    pytest.param([[match(DPORT, {"range": [100, 123]}), ACCEPT]], State.OPEN, id="the end of a range"),
    pytest.param([[match(DPORT, {"range": [123, 200]}), ACCEPT]], State.OPEN, id="the beginning of a range"),
    pytest.param([[match(DPORT, {"range": [124, 200]}), ACCEPT]], State.CLOSED, id="a range behind it"),
    pytest.param([[match({"meta": {"key": "l4proto"}}, 17), ACCEPT]], State.OPEN, id="UDP by its number"),
    pytest.param([[match({"meta": {"key": "l4proto"}}, 6), ACCEPT]], State.CLOSED, id="TCP by its number"),
    pytest.param([[match({"meta": {"key": "l4proto"}}, "@all"), ACCEPT]], State.LIMITED, id="a set of protocols"),
    pytest.param(
        [[{"vmap": {"key": DPORT, "data": {"set": [[123, DROP], [53, ACCEPT]]}}}], [ACCEPT]],
        State.CLOSED,
        id="a map that drops",
    ),
    pytest.param([[{"queue": None}, ACCEPT]], State.LIMITED, id="a program asked before"),
    pytest.param([[match(DPORT, "@ports"), ACCEPT]], State.LIMITED, id="a named set may hold our port"),
    pytest.param([[match(DPORT, 53, "!="), ACCEPT]], State.OPEN, id="not equal"),
    pytest.param([[match(DPORT, 1023, "<="), ACCEPT]], State.LIMITED, id="a comparison that we do not make"),
    pytest.param([[match(SADDR, "@blocked"), DROP], [match(DPORT, 123), ACCEPT]], State.OPEN, id="some are blocked"),
    pytest.param([[match(SADDR, "10.1.1.1", "!="), DROP], [ACCEPT]], State.LIMITED, id="all but one are blocked"),
    pytest.param([[match(SADDR, "127.0.0.1"), ACCEPT]], State.CLOSED, id="loopback's addresses are not outside"),
    pytest.param([[{"limit": {"rate": 9, "per": "second"}}, ACCEPT]], State.OPEN, id="within a rate"),
    pytest.param([[{"jump": {"target": "other"}}], [ACCEPT]], State.OPEN, id="a jump comes back"),
    pytest.param([[{"goto": {"target": "other"}}], [ACCEPT]], State.CLOSED, id="a goto ends at the policy"),
    pytest.param([[{"jump": {"target": "input"}}]], State.LIMITED, id="a loop, which no kernel takes"),
    pytest.param([[{"jump": {"target": "nowhere"}}]], State.UNKNOWN, id="a chain that is not there"),
    pytest.param([[{"return": None}], [ACCEPT]], State.CLOSED, id="return ends at the policy"),
    pytest.param([[{"vmap": {"key": DPORT, "data": "@map"}}]], State.LIMITED, id="a named map may say anything"),
    pytest.param([[{"xt": None}, ACCEPT]], State.LIMITED, id="a match of iptables"),
    pytest.param([[{"counter": None}, {"strange": 1}, ACCEPT]], State.LIMITED, id="what we do not know is no yes"),
]


@pytest.mark.parametrize(("rules", "state"), RULES)
def test_rules_are_followed_as_the_kernel_does(rules: list[list[object]], state: State) -> None:
    assert parse_firewall(ruleset(*rules)).state is state


def test_chains_of_other_hooks_and_families_keep_nothing_out() -> None:
    where = {"table": "t", "name": "c", "policy": "drop"}
    hooks = [("inet", "output"), ("inet", "forward"), ("arp", "input"), ("bridge", "input")]
    chains = [{"chain": {**where, "family": family, "hook": hook, "table": hook}} for family, hook in hooks]
    assert parse_firewall(f"rules\n{json.dumps({'nftables': chains})}\n--- nft 0\n").state is State.OPEN


def test_warnings_before_a_ruleset_are_passed_over() -> None:
    text = ruleset([ACCEPT]).replace("rules\n", "rules\n# Warning: table ip filter is managed by iptables-nft\n")
    assert parse_firewall(text).state is State.OPEN


@pytest.mark.parametrize(
    "rule", [[ACCEPT], [{"jump": {"target": "other"}}], [{"vmap": {"key": DPORT, "data": {"set": [[123, ACCEPT]]}}}]]
)
def test_a_rule_of_ours_is_known_by_its_comment(rule: list[object]) -> None:
    text = ruleset(rule, policy="accept")
    assert parse_firewall(text).temporary == ()
    marked = text.replace('"expr"', '"comment": "chrony-provision", "expr"')
    assert parse_firewall(marked).temporary == ("nftables inet t input",)


def test_a_named_map_may_drop_what_the_policy_accepts() -> None:
    rule: list[object] = [{"vmap": {"key": DPORT, "data": "@map"}}]
    assert parse_firewall(ruleset(rule, policy="accept")).state is State.LIMITED


def test_a_target_that_we_cannot_read_may_drop() -> None:
    assert parse_firewall(ruleset([{"xt": {"type": "target"}}], policy="accept")).state is State.LIMITED


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


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=6)


@given(st.lists(st.dictionaries(st.sampled_from(["match", "vmap", "accept", "jump", "limit"]), VALUES), max_size=3))
def test_no_rule_makes_it_raise(rule: list[object]) -> None:
    assert_tells(parse_firewall(ruleset(rule)))


@given(st.lists(st.sampled_from([True, False, None])))
def test_it_depends_is_neither_yes_nor_no(answers: list[Answer]) -> None:
    possible = [[answer] if answer is not None else [True, False] for answer in answers]
    worst, best = all(min(choice) for choice in possible), all(max(choice) for choice in possible)
    assert all_of(answers) == (worst if worst == best else None)
    assert any_of(answers) == negated(all_of(negated(answer) for answer in answers))


def test_there_is_no_command_for_a_door_of_no_firewall() -> None:
    with pytest.raises(ParseError):
        command("pf")


@pytest.mark.parametrize("case", [case for case, state, _ in SEEN if state in {State.CLOSED, State.LIMITED}])
def test_what_is_shut_is_drift(case: str) -> None:
    assert FirewallOpen().drift(text(case)) == parse_firewall(text(case)).shut


@pytest.mark.parametrize("case", [case for case, state, _ in SEEN if state is State.OPEN])
def test_an_open_firewall_is_left_alone(case: str) -> None:
    assert FirewallOpen().drift(text(case)) is None


def test_a_firewall_that_we_do_not_understand_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FirewallOpen, "look", lambda _: "echo pf")
    with pytest.raises(CommandFailed, match=r"it could not be told .*: the host did not say; open it by hand"):
        FirewallOpen().apply(Host(LocalTransport()))


def opened(folder: Path, opening: str, line: str) -> Output:
    script = scripts.load("firewall_open", str(folder), opening, line)
    return LocalTransport().execute(script)


def test_a_door_that_was_opened_is_written_down_once(tmp_path: Path) -> None:
    for _ in range(2):
        assert opened(tmp_path, "ufw", "echo Rule added").status == 0
    assert (tmp_path / "made").read_text() == "firewall ufw\n"


@pytest.mark.parametrize("said", ["echo Skipping adding existing rule", "echo Warning: ALREADY_ENABLED: ntp >&2"])
def test_a_rule_that_was_there_before_is_not_ours(tmp_path: Path, said: str) -> None:
    (tmp_path / "made").write_text("account _chrony\n")
    assert opened(tmp_path, "ufw", said).status == 0
    assert (tmp_path / "made").read_text() == "account _chrony\n"


def test_a_door_that_does_not_open_is_not_ours(tmp_path: Path) -> None:
    output = opened(tmp_path, "ufw", "echo no such thing >&2; exit 3")
    assert (output.status, output.last_words) == (3, "no such thing")
    assert (tmp_path / "made").read_text() == ""


def test_a_client_has_no_port_to_open(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[serve]\nrole = "client"\nfirewall = "open"\n')
    with pytest.raises(SiteError, match=r"site\.toml: serve\.firewall: a client needs no open port; remove this"):
        read_site(site)


def test_a_firewall_is_left_alone_unless_the_site_says_otherwise(tmp_path: Path) -> None:
    assert read_site(None).serve.firewall == "leave"
    site = tmp_path / "site.toml"
    site.write_text('[serve]\nfirewall = "open"\n')
    assert read_site(site).serve.firewall == "open"


def test_chains_that_lead_into_each_other_without_end_are_not_understood() -> None:
    names = [f"c{number}" for number in range(5000)]
    jumps = [f"-A {name} -j {target}" for name, target in zip(["INPUT", *names], names, strict=False)]
    text = "\n".join(
        ["rules", "*filter", ":INPUT DROP [0:0]", *(f":{name} - [0:0]" for name in names), *jumps, "COMMIT"]
    )
    firewall = parse_firewall(f"{text}\n--- iptables 0\n")
    assert firewall.state is State.UNKNOWN
    assert "RecursionError" in firewall.why
