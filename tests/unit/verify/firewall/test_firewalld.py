"""The zone of a firewalld, with one thing otherwise each: whether it lets in 123/udp."""

import pytest

from provision.verify.firewall.firewall import State, parse_firewall


def state(**fields: str) -> State:
    """Return what becomes of a zone that lets in SSH alone, with these fields otherwise."""
    zone = {"target": "default", "services": "dhcpv6-client ssh", "ports": "", "rich rules": ""} | fields
    lines = "".join(f"  {name}: {value}\n" for name, value in zone.items())
    return parse_firewall(f"firewalld\npublic (active)\n{lines}").state


ZONES = [
    pytest.param({"target": "ACCEPT"}, State.OPEN, id="a zone that accepts everything"),
    pytest.param({"target": "DROP"}, State.CLOSED, id="a zone that drops"),
    pytest.param({"services": "ssh ntp"}, State.OPEN, id="the service"),
    pytest.param({"services": "ssh nntp ntp-x"}, State.CLOSED, id="services of similar names"),
    pytest.param({"ports": "123/udp"}, State.OPEN, id="the port"),
    pytest.param({"ports": "123/tcp"}, State.CLOSED, id="the port of TCP"),
    pytest.param({"ports": "22/tcp 122/udp 124-200/udp"}, State.CLOSED, id="other ports"),
    pytest.param({"ports": "22/tcp 123-200/udp"}, State.OPEN, id="the beginning of a range"),
    pytest.param({"ports": "100-123/udp"}, State.OPEN, id="the end of a range"),
    pytest.param({"ports": "ntp/udp"}, State.UNKNOWN, id="a port that is no number"),
    pytest.param(
        {"rich rules": '\n\trule family="ipv4" source address="10.0.0.0/8" port port="123" protocol="udp" accept'},
        State.LIMITED,
        id="a rich rule for the port",
    ),
    pytest.param(
        {"rich rules": '\n\trule family="ipv4" source address="10.0.0.0/8" service name="ntp" drop'},
        State.CLOSED,
        id="a rich rule that drops",
    ),
]


@pytest.mark.parametrize(("fields", "found"), ZONES)
def test_a_zone_opens_the_ports_of_its_fields(fields: dict[str, str], found: State) -> None:
    assert state(**fields) is found


def test_a_port_that_is_no_number_is_named() -> None:
    text = "firewalld\npublic\n  target: default\n  services: ssh\n  ports: ntp/udp\n"
    assert parse_firewall(text).why == "firewall-cmd printed a port that we do not understand: 'ntp/udp'"


@pytest.mark.parametrize("missing", ["target", "services", "ports"])
def test_a_zone_without_one_of_the_fields_is_not_judged(missing: str) -> None:
    lines = {"target": "ACCEPT", "services": "ntp", "ports": "123/udp"}
    del lines[missing]
    firewall = parse_firewall("firewalld\npublic\n" + "".join(f"  {key}: {value}\n" for key, value in lines.items()))
    assert firewall.state is State.UNKNOWN


def test_the_opening_is_the_zone_without_its_remark() -> None:
    firewall = parse_firewall("firewalld\nhome (active)\n  target: default\n  services: ssh\n  ports: \n")
    assert firewall.openings == ("firewalld home",)
