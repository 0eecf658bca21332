"""Rules of a ufw, one at a time: whether they let in 123/udp."""

import pytest

from provision.verify.firewall.firewall import State, parse_firewall

RULES = [
    pytest.param("123/udp  ALLOW IN  Anywhere", State.OPEN, id="the port"),
    pytest.param("123  ALLOW IN  Anywhere", State.OPEN, id="of each protocol"),
    pytest.param("123/tcp  ALLOW IN  Anywhere", State.CLOSED, id="of TCP"),
    pytest.param("122/udp  ALLOW IN  Anywhere", State.CLOSED, id="another port"),
    pytest.param("53,100:200/udp  LIMIT IN  Anywhere  # ranges", State.OPEN, id="a range and a comment"),
    pytest.param("Anywhere  ALLOW IN  Anywhere", State.OPEN, id="everything"),
    pytest.param("Anywhere  ALLOW IN  10.0.0.0/8", State.LIMITED, id="everything from some"),
    pytest.param("Anywhere on eth1  ALLOW IN  Anywhere", State.LIMITED, id="everything at a device"),
    pytest.param("123/udp on eth1  ALLOW IN  Anywhere", State.LIMITED, id="the port at a device"),
    pytest.param("192.0.2.1 123/udp  ALLOW IN  Anywhere", State.LIMITED, id="the port of an address"),
    pytest.param("192.0.2.1 122/udp  ALLOW IN  Anywhere", State.CLOSED, id="another port of an address"),
    pytest.param("192.0.2.1  ALLOW IN  Anywhere", State.LIMITED, id="an address"),
    pytest.param("123/udp (v6)  ALLOW IN  Anywhere (v6)", State.CLOSED, id="a rule of IPv6 alone"),
    pytest.param("123/udp  DENY IN  Anywhere\n123/udp  ALLOW IN  Anywhere", State.CLOSED, id="the first rule decides"),
    pytest.param("122/udp  DENY IN  Anywhere\n123/udp  ALLOW IN  Anywhere", State.OPEN, id="another is denied"),
    pytest.param("123/udp  ALLOW OUT  Anywhere", State.CLOSED, id="outgoing packets"),
]


@pytest.mark.parametrize(("rules", "state"), RULES)
def test_rules_of_a_closed_ufw_are_followed(rules: str, state: State) -> None:
    head = "ufw\nStatus: active\nDefault: deny (incoming), allow (outgoing), disabled (routed)\n\n"
    assert parse_firewall(f"{head}To  Action  From\n--  ------  ----\n{rules}\n").state is state


@pytest.mark.parametrize(
    ("default", "rule", "state"),
    [
        ("allow", "", State.OPEN),
        ("reject", "", State.CLOSED),
        ("allow", "123/udp  REJECT IN  Anywhere", State.CLOSED),
        ("allow", "123/udp  DENY IN  10.0.0.0/8", State.OPEN),
        ("allow", "Anywhere on eth1  DENY IN  Anywhere", State.LIMITED),
    ],
)
def test_what_no_rule_decides_the_default_does(default: str, rule: str, state: State) -> None:
    text = f"ufw\nStatus: active\nDefault: {default} (incoming), allow (outgoing)\n{rule}\n"
    assert parse_firewall(text).state is state
