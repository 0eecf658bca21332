"""Read what ``iptables-save -t filter`` prints (iptables(8), iptables-extensions(8))."""

import shlex
from collections.abc import Callable, Container, Iterator, Mapping

from provision.errors import ParseError
from provision.firewall.rules import (
    MARK,
    Answer,
    Hook,
    Rule,
    Verdict,
    all_of,
    follow,
    has_ntp_port,
    is_loopback,
    negated,
)

TARGETS = {"ACCEPT": Verdict.ACCEPT, "DROP": Verdict.DROP, "REJECT": Verdict.DROP, "RETURN": Verdict.RETURN}

ASKS: Mapping[str, Callable[[str], Answer]] = {
    "-p": lambda protocol: protocol in {"udp", "17", "all"},
    "--dport": lambda port: has_ntp_port(port, between=":"),
    "--dports": lambda ports: has_ntp_port(ports, between=":"),
    "--ctstate": lambda states: "NEW" in states.split(","),
    "--state": lambda states: "NEW" in states.split(","),
    "-i": lambda device: False if device == "lo" else None,
    # A rate is asked for a host that sends a request now and then.
    "--limit": lambda _: True,
    "--limit-burst": lambda _: True,
    "--comment": lambda _: True,
    "-m": lambda _: True,
}
"""What each match with a value answers."""


def iptables_hooks(text: str, door: str, *, sender: Answer) -> tuple[Hook, ...]:
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
                policy = TARGETS[its_policy] if name == "INPUT" else policy
            elif line.startswith("-A "):
                _, name, *words = shlex.split(line)
                chains[name] += _rules(words, sender, chains)
    except (ValueError, KeyError, IndexError) as error:
        raise ParseError(f"{door} printed a rule that we do not understand: {line!r}") from error
    return (follow(chains, "INPUT", policy, door),) if "INPUT" in chains else ()


def _rules(words: list[str], sender: Answer, chains: Container[str]) -> Iterator[Rule]:
    """Yield the rule, if it has a target that does not just let the packet go on (LOG, MARK …)."""
    answers: list[Answer] = []
    rest = iter(words)
    negate = False
    for word in rest:
        if word in {"-j", "-g"}:
            yield from _decided(word, next(rest, ""), all_of(answers), chains, ours=MARK in words)
            return
        if word == "!":
            negate = True
            continue
        if word.startswith("-"):
            answer = _answer(word, rest, sender)
            answers.append(negated(answer) if negate else answer)
            negate = False


def _decided(how: str, target: str, applies: Answer, chains: Container[str], *, ours: bool) -> Iterator[Rule]:
    if target in TARGETS:
        yield Rule(applies=applies, verdict=TARGETS[target], ours=ours)
    elif target in chains:
        verdict = Verdict.JUMP if how == "-j" else Verdict.GOTO
        yield Rule(applies=applies, verdict=verdict, target=target, ours=ours)


def _answer(option: str, rest: Iterator[str], sender: Answer) -> Answer:
    """Answer one match; the values of those that we do not know are words without a dash, and are passed over."""
    if option in {"-s", "-d"}:
        return False if is_loopback(next(rest, "")) else sender if option == "-s" else None
    ask = ASKS.get(option)
    return None if ask is None else ask(next(rest, ""))
