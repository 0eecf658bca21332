"""Rules of iptables, one at a time: whether they let in 123/udp, and whether one of them is ours."""

import pytest

from provision.verify.firewall.firewall import State, parse_firewall


def rules(*lines: str, policy: str = "DROP") -> str:
    """Return what the look prints of a table with a chain ``OTHER`` beside ``INPUT``."""
    return "\n".join(
        ["rules", "*filter", f":INPUT {policy} [0:0]", ":OTHER - [0:0]", *lines, "COMMIT\n--- iptables 0\n"]
    )


PORT = "-p udp -m udp --dport 123"
RULES = [
    pytest.param([f"-A INPUT {PORT} -j ACCEPT"], State.OPEN, id="the port"),
    pytest.param(["-A INPUT -p 17 -m multiport --dports 53,100:123 -j ACCEPT"], State.OPEN, id="a range of ports"),
    pytest.param(["-A INPUT -p tcp --dport 123 -j ACCEPT"], State.CLOSED, id="TCP"),
    pytest.param(["-A INPUT -p all -j ACCEPT"], State.OPEN, id="each protocol"),
    pytest.param([f"-A INPUT -s 10.0.0.0/8 {PORT} -j ACCEPT"], State.LIMITED, id="from some"),
    pytest.param([f"-A INPUT -s 10.0.0.0/8 {PORT} -j DROP", "-A INPUT -j ACCEPT"], State.OPEN, id="not from some"),
    pytest.param([f"-A INPUT ! -s 10.0.0.0/8 {PORT} -j ACCEPT"], State.OPEN, id="from all but some"),
    pytest.param([f"-A INPUT -d 192.0.2.1/32 {PORT} -j ACCEPT"], State.LIMITED, id="to one address"),
    pytest.param([f"-A INPUT -d 127.0.0.1/32 {PORT} -j ACCEPT"], State.CLOSED, id="to the loopback address"),
    pytest.param([f"-A INPUT -d ::1/128 {PORT} -j ACCEPT"], State.CLOSED, id="to the loopback address of IPv6"),
    pytest.param(["-A INPUT -i lo -j ACCEPT"], State.CLOSED, id="the loopback device"),
    pytest.param([f"-A INPUT -i eth0 {PORT} -j ACCEPT"], State.LIMITED, id="a device"),
    pytest.param(["-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"], State.CLOSED, id="old flows"),
    pytest.param(["-A INPUT -m state --state NEW,ESTABLISHED -j ACCEPT"], State.OPEN, id="new flows"),
    pytest.param(["-A INPUT -m limit --limit 5/sec --limit-burst 9 -j ACCEPT"], State.OPEN, id="within a rate"),
    pytest.param(["-A INPUT -m strange --odd x -j ACCEPT"], State.LIMITED, id="a match that we do not know"),
    pytest.param([f"-A INPUT {PORT} -j LOG", f"-A INPUT {PORT} -j ACCEPT"], State.OPEN, id="a log before it"),
    pytest.param(["-A OTHER -j ACCEPT", f"-A INPUT {PORT} -j OTHER"], State.OPEN, id="a chain that accepts"),
    pytest.param(["-A INPUT -j OTHER", "-A INPUT -j ACCEPT"], State.OPEN, id="a jump comes back"),
    pytest.param(["-A INPUT -g OTHER", "-A INPUT -j ACCEPT"], State.CLOSED, id="a goto does not"),
    pytest.param(["-A INPUT -j RETURN", "-A INPUT -j ACCEPT"], State.CLOSED, id="return ends at the policy"),
    pytest.param([f"-A INPUT {PORT} -j REJECT", "-A INPUT -j ACCEPT"], State.CLOSED, id="the first one decides"),
    pytest.param([f"-A INPUT {PORT}", "-A INPUT -j ACCEPT"], State.OPEN, id="a rule that only counts"),
]


@pytest.mark.parametrize(("lines", "state"), RULES)
def test_rules_are_followed_as_the_kernel_does(lines: list[str], state: State) -> None:
    assert parse_firewall(rules(*lines)).state is state


def test_an_added_rule_lasts_until_the_rules_are_loaded_again() -> None:
    ours = f"-A INPUT {PORT} -m comment --comment chrony-provision -j ACCEPT"
    assert parse_firewall(rules(ours)).temporary == ("iptables",)
    assert parse_firewall(rules(ours.replace("chrony-provision", "theirs"))).temporary == ()


def test_an_added_chain_counts_too() -> None:
    lines = ("-A OTHER -j ACCEPT", f"-A INPUT {PORT} -m comment --comment chrony-provision -j OTHER")
    assert parse_firewall(rules(*lines)).temporary == ("iptables",)


def test_a_table_that_was_never_made_is_open() -> None:
    assert parse_firewall("rules\n--- iptables 0\n--- ip6tables 0\n").state is State.OPEN


def test_what_both_tables_keep_out_is_named_with_both_commands() -> None:
    ip6 = rules().replace("rules\n", "").replace("--- iptables", "--- ip6tables")
    advice = parse_firewall(rules() + ip6).advice
    assert advice is not None
    assert advice.startswith("iptables and ip6tables does not let in 123/udp: iptables -w -I INPUT ")
    assert " -j ACCEPT && ip6tables -w -I INPUT " in advice


def test_chains_that_lead_into_each_other_without_end_are_not_understood() -> None:
    names = [f"c{number}" for number in range(5000)]
    jumps = [f"-A {name} -j {target}" for name, target in zip(["INPUT", *names], names, strict=False)]
    text = "\n".join(
        ["rules", "*filter", ":INPUT DROP [0:0]", *(f":{name} - [0:0]" for name in names), *jumps, "COMMIT"]
    )
    firewall = parse_firewall(f"{text}\n--- iptables 0\n")
    assert firewall.state is State.UNKNOWN
    assert "RecursionError" in firewall.why
