"""Rules of nftables, one at a time: whether they let in 123/udp, and whether one of them is ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.verify.firewall.firewall import State, parse_firewall
from tests.unit.verify.firewall.test_firewall import assert_tells


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


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=6)


@given(st.lists(st.dictionaries(st.sampled_from(["match", "vmap", "accept", "jump", "limit"]), VALUES), max_size=3))
def test_no_rule_makes_it_raise(rule: list[object]) -> None:
    assert_tells(parse_firewall(ruleset(rule)))
