"""Write chrony's access rules as serve.allow and serve.deny, which have no order and stand for the same addresses."""

from collections.abc import Iterable

from provision.chrony.access_rules import AccessRules, Rule
from provision.chrony.statement import statements
from provision.site.directive import access_lines
from provision.site.text_types import Network

Networks = tuple[list[str], list[str]]


def networks(rules: AccessRules) -> Networks:
    """Return the allowed and the denied networks; host names are left out.

    They are those of the lines if their order does not matter, and otherwise those of chronyd's tree.
    """
    written = _last_verdicts(rules.rules)
    if _in_site_order(written).allowed == rules.allowed:
        return written
    by_verdict: dict[bool, list[str]] = {True: [], False: []}
    for network, number in rules.tree.items():
        by_verdict[rules.rules[number].allows].append(str(network))
    return by_verdict[True], by_verdict[False]


def _last_verdicts(rules: Iterable[Rule]) -> Networks:
    """Return the networks of the lines, each on the side of its last line."""
    verdicts: dict[str, bool] = {}
    for rule in rules:
        for network in map(str, rule.networks):
            verdicts.pop(network, None)
            verdicts[network] = rule.allows
    allow = [network for network, allows in verdicts.items() if allows]
    deny = [network for network, allows in verdicts.items() if not allows]
    return allow, deny


def _in_site_order(written: Networks) -> AccessRules:
    """Return the rules of a rendered chrony.conf."""
    allow, deny = written
    return AccessRules.of(statements("\n".join(access_lines(map(Network, allow), map(Network, deny)))))
