"""Parse the output of ``nft --json --terse list ruleset`` (libnftables-json(5)).

Of named sets only the names are there: a host may have one of every address in a country.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provision.common.errors import ParseError
from provision.verify.firewall.rules import (
    MARK,
    NTP,
    Answer,
    Hook,
    Packet,
    Rule,
    Verdict,
    all_of,
    any_of,
    follow,
    is_at_address,
    is_from_device,
    negated,
)

PLAIN = {"accept": Verdict.ACCEPT, "drop": Verdict.DROP, "reject": Verdict.DROP, "return": Verdict.RETURN}
LEADING = {"jump": Verdict.JUMP, "goto": Verdict.GOTO}
WITHOUT_EFFECT = {"counter", "log", "mangle", "ct helper", "notrack"}
UNREADABLE = {"xt", "queue"}
"""At the end of a rule: a target of iptables, a program; either may drop the packet."""
FAMILIES = {"ip", "ip6", "inet"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a ruleset."""

    sender: Answer
    """The answer of a rule that asks who sent the packet."""
    packet: Packet


def nftables_hooks(
    text: str, *, sender: Answer, packet: Packet = NTP, but: frozenset[tuple[str, str]] = frozenset()
) -> tuple[Hook, ...]:
    """Return the hooks of a ruleset at which packets for this host arrive.

    ``sender`` answers a rule that asks who sent the packet. ``but`` are (family, table) that somebody else manages.
    Raises ParseError.
    """
    try:
        # Its warnings about tables of iptables stand beside it.
        line = next(line for line in text.splitlines() if line.startswith("{"))
        return tuple(_hooks(json.loads(line)["nftables"], Asked(sender, packet), but))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, StopIteration, RecursionError) as error:
        raise ParseError(
            f"nft printed a ruleset that we do not understand ({type(error).__name__}: {error})"
        ) from error


def _hooks(ruleset: list[dict[str, Any]], asked: Asked, but: frozenset[tuple[str, str]]) -> Iterator[Hook]:
    tables: dict[tuple[str, str], dict[str, list[Rule]]] = defaultdict(dict)
    bases = []
    for entry in ruleset:
        if (chain := entry.get("chain")) is not None:
            tables[chain["family"], chain["table"]][chain["name"]] = []
            if chain.get("hook") == "input" and chain["family"] in FAMILIES:
                bases.append(chain)
        elif (rule := entry.get("rule")) is not None:
            tables[rule["family"], rule["table"]][rule["chain"]] += _rules(rule, asked)
    for base in bases:
        where = (base["family"], base["table"])
        if where not in but:
            policy = PLAIN[base.get("policy", "accept")]
            yield follow(tables[where], base["name"], policy, f"nftables {' '.join(where)} {base['name']}")


def _rules(rule: Mapping[str, Any], asked: Asked) -> Iterator[Rule]:
    """Yield the decisions of a rule; a verdict map has several."""
    answers: list[Answer] = []
    ours = rule.get("comment") == MARK
    for expression in rule["expr"]:
        ((kind, what),) = expression.items()
        if kind == "vmap":
            for key, verdict in _entries(what["data"]):
                answer = _is(what["key"], key, asked)
                yield _rule(verdict, all_of([*answers, answer]), ours=ours)
        elif kind in PLAIN or kind in LEADING:
            yield _rule(expression, all_of(answers), ours=ours)
        elif kind in UNREADABLE and expression is rule["expr"][-1]:
            yield Rule(applies=all_of([*answers, None]), verdict=Verdict.DROP)
        elif kind not in WITHOUT_EFFECT:
            answers.append(_answer(kind, what, asked))


def _entries(data: Any) -> list[tuple[Any, dict[str, Any]]]:
    if isinstance(data, str):
        # A named map, which may say anything.
        return [({"unknown": data}, {"accept": None}), ({"unknown": data}, {"drop": None})]
    return [(key, verdict) for key, verdict in data["set"]]


def _rule(verdict: Mapping[str, Any], applies: Answer, *, ours: bool) -> Rule:
    ((kind, what),) = verdict.items()
    if kind in LEADING:
        return Rule(applies=applies, verdict=LEADING[kind], target=what["target"], ours=ours)
    return Rule(applies=applies, verdict=PLAIN.get(kind, Verdict.RETURN), ours=ours)


def _answer(kind: str, what: Any, asked: Asked) -> Answer:
    if kind == "limit":
        # Asked for a host that sends a request now and then.
        return not (what or {}).get("inv", False)
    if kind != "match":
        return None
    answer = _is(what["left"], what["right"], asked)
    if what["op"] == "!=":
        return negated(answer)
    if what["op"] in {"==", "in"}:
        return answer
    return None


def _is(left: Any, right: Any, asked: Asked) -> Answer:
    """Answer whether a field of the packet is a value, or among some."""
    return any_of(_is_one(left, one, asked) for one in _members(right))


def _members(right: Any) -> list[Any]:
    if isinstance(right, dict) and "set" in right:
        return _members(right["set"])
    if not isinstance(right, list):
        return [_value(right)]
    return [_value(member) for member in right]


def _value(member: Any) -> Any:
    if isinstance(member, dict) and "elem" in member:
        return member["elem"]["val"]
    return member


def _is_one(left: Any, right: Any, asked: Asked) -> Answer:
    match left:
        case {"payload": {"protocol": protocol, "field": field}}:
            return _is_payload(protocol, field, right, asked)
        case {"meta": {"key": "l4proto"}}:
            return _is_protocol(right, asked.packet)
        case {"meta": {"key": "iif" | "iifname"}}:
            return is_from_device(right)
        case {"ct": {"key": "state"}}:
            return _is_new(right)
        case _:
            return None


def _is_payload(protocol: str, field: str, right: Any, asked: Asked) -> Answer:
    match protocol, field:
        case (("udp" | "tcp" | "th"), "dport") if protocol in {"th", asked.packet.protocol}:
            return _is_port(right, asked.packet)
        case ("ip", "protocol") | ("ip6", "nexthdr"):
            return _is_protocol(right, asked.packet)
        case ("ip" | "ip6", "saddr" | "daddr"):
            return is_at_address(_address(right), of_sender=field == "saddr", sender=asked.sender)
        case ("th" | "ip" | "ip6" | "ether", _):
            return None
        case (one, _) if one == asked.packet.protocol:
            return None
        case _:
            return False


def _is_port(right: Any, packet: Packet) -> Answer:
    if isinstance(right, dict) and "range" in right:
        first, last = right["range"]
        return int(first) <= packet.port <= int(last)
    if isinstance(right, int):
        return right == packet.port
    return None


def _is_new(right: Any) -> Answer:
    if _is_named(right):
        return None
    return bool(right == "new")


def _is_protocol(right: Any, packet: Packet) -> Answer:
    if _is_named(right) or not isinstance(right, str | int):
        return None
    return right in {packet.protocol, packet.number}


def _is_named(right: Any) -> bool:
    return isinstance(right, str) and right.startswith("@")


def _address(right: Any) -> str:
    if isinstance(right, dict) and "prefix" in right:
        return str(right["prefix"]["addr"])
    return str(right)
