"""Access rules as serve.allow and serve.deny, which have no order."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.chrony.access_rules import AccessRules
from provision.chrony.statement import statements
from provision.site.directive import access_lines
from provision.site.text_types import Network
from provision.takeover.networks import networks


def rules(text: str) -> AccessRules:
    return AccessRules.of(statements(text))


@pytest.mark.parametrize(
    ("lines", "allow", "deny"),
    [
        ("allow 10.0.0.0/8\nallow 192.168.7", ["10.0.0.0/8", "192.168.7.0/24"], []),
        ("deny 10.9.0.0/16\nallow 10.0.0.0/8", ["10.0.0.0/8"], ["10.9.0.0/16"]),
        ("allow", ["0.0.0.0/0", "::/0"], []),
        ("allow 10.0.0.0/8\ndeny 10.0.0.0/8", [], ["10.0.0.0/8"]),
        ("deny 10.0.0.0/8\nallow 10.0.0.0/8", ["10.0.0.0/8"], []),
        # A wider network that comes later replaces a narrower one that shares four bits of an address.
        ("allow 10.1.0.0/16\ndeny 10.0.0.0/15", [], ["10.1.0.0/16", "10.0.0.0/16"]),
        # A narrower network that comes later is what the site renders last.
        ("allow 10.0.0.0/15\ndeny 10.1.0.0/16", ["10.0.0.0/15"], ["10.1.0.0/16"]),
        ("deny 10.1.0.0/16\nallow all 10.0.0.0/8", ["10.0.0.0/8"], []),
        ("allow ntp1.example.net", [], []),
    ],
)
def test_networks_of_both_sides(lines: str, allow: list[str], deny: list[str]) -> None:
    assert networks(rules(lines)) == (allow, deny)


NETWORK = st.builds(
    lambda address, bits: str(ip_network((address << 16, bits), strict=False)),
    st.integers(0x0A00, 0x0A0F),
    st.integers(8, 18),
)
LINE = st.builds(" ".join, st.tuples(st.sampled_from(["allow", "deny", "allow all", "deny all"]), NETWORK))


@given(st.lists(LINE, max_size=8))
def test_the_rendered_lines_allow_the_same_addresses(lines: list[str]) -> None:
    before = rules("\n".join(lines))
    allow, deny = networks(before)
    rendered = access_lines(map(Network, allow), map(Network, deny))
    assert rules("\n".join(rendered)).allowed == before.allowed
