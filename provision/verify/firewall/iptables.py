"""Parse the output of ``iptables-save -t filter`` (iptables(8), iptables-extensions(8))."""

import shlex
from collections.abc import Callable, Container, Iterator, Mapping

from provision.common.errors import ParseError, understood
from provision.verify.firewall.rules import (
    MARK,
    NTP,
    Answer,
    Hook,
    Packet,
    Rule,
    Verdict,
    all_of,
    follow,
    is_at_address,
    is_from_device,
    negated,
)

TARGETS = {"ACCEPT": Verdict.ACCEPT, "DROP": Verdict.DROP, "REJECT": Verdict.DROP, "RETURN": Verdict.RETURN}
LEADING = {"-j": Verdict.JUMP, "-g": Verdict.GOTO}

ASKS: Mapping[str, Callable[[str, Packet], Answer]] = {
    "-p": lambda protocol, packet: protocol in {packet.protocol, str(packet.number), "all"},
    "--dport": lambda port, packet: packet.has_port(port, between=":"),
    "--dports": lambda ports, packet: packet.has_port(ports, between=":"),
    "--ctstate": lambda states, _: "NEW" in states.split(","),
    "--state": lambda states, _: "NEW" in states.split(","),
    "-i": lambda device, _: is_from_device(device),
    # A rate is asked for a host that sends a request now and then.
    "--limit": lambda *_: True,
    "--limit-burst": lambda *_: True,
    "--comment": lambda *_: True,
    "-m": lambda *_: True,
}
"""The answer of each match with a value."""


def iptables_hooks(text: str, opening: str, *, sender: Answer, packet: Packet = NTP) -> tuple[Hook, ...]:
    """Return the hook of the table, none if it was never made; ``sender`` answers a rule that asks who sent the packet.

    Raises ParseError.
    """
    chains: dict[str, list[Rule]] = {}
    policy = Verdict.ACCEPT
    try:
        for line in text.splitlines():
            if line.startswith(":"):
                name, its_policy, *_ = line[1:].split()
                chains[name] = []
                if name == "INPUT":
                    policy = TARGETS[its_policy]
            elif line.startswith("-A "):
                _, name, *words = shlex.split(line)
                chains[name] += _rules(words, sender, packet, chains)
    except (ValueError, KeyError, IndexError) as error:
        raise ParseError(f"{opening} printed a rule that we do not understand: {line!r}") from error
    with understood(opening):
        if "INPUT" not in chains:
            return ()
        return (follow(chains, "INPUT", policy, opening),)


def _rules(words: list[str], sender: Answer, packet: Packet, chains: Container[str]) -> Iterator[Rule]:
    """Yield the rule, if it has a target that does not just let the packet go on (LOG, MARK …)."""
    answers: list[Answer] = []
    rest = iter(words)
    negate = False
    for word in rest:
        if word in LEADING:
            yield from _decided(word, next(rest, ""), all_of(answers), chains, ours=MARK in words)
            return
        if word == "!":
            negate = True
            continue
        if word.startswith("-"):
            answer = _answer(word, rest, sender, packet)
            if negate:
                answer = negated(answer)
            answers.append(answer)
            negate = False


def _decided(how: str, target: str, applies: Answer, chains: Container[str], *, ours: bool) -> Iterator[Rule]:
    if target in TARGETS:
        yield Rule(applies=applies, verdict=TARGETS[target], ours=ours)
    elif target in chains:
        yield Rule(applies=applies, verdict=LEADING[how], target=target, ours=ours)


def _answer(option: str, rest: Iterator[str], sender: Answer, packet: Packet) -> Answer:
    """Answer one match; the values of those that we do not know are words without a dash, and are passed over."""
    if option in {"-s", "-d"}:
        return is_at_address(next(rest, ""), of_sender=option == "-s", sender=sender)
    ask = ASKS.get(option)
    if ask is None:
        return None
    return ask(next(rest, ""), packet)
