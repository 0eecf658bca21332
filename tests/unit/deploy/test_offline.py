"""What a site gives to a host: its chrony.conf, what is assumed about the host, and who may ask it."""

import pytest

from provision.deploy.offline import Answer, assumptions, conf_of, may_ask
from provision.site.directive import Directive
from provision.site.schema import Serve, Site
from provision.site.source import Server
from provision.site.text_types import Address
from provision.site.time import Time

NAMED = Time(servers=(Server(address=Address("192.0.2.1")),))


def test_the_conf_is_that_of_a_host_outside_of_ec2() -> None:
    assert "\npool pool.ntp.org iburst maxsources 4\n" in conf_of(Site())
    assert "\nkeyfile /opt/chrony/current/chrony.keys\n" in conf_of(Site())


EC2 = "the host is not on Amazon EC2, where 169.254.169.123 takes the place of pool.ntp.org"
ASSUMED = [
    pytest.param(Site(), False, [EC2], id="default sources"),
    pytest.param(
        Site(),
        True,
        ["a sandbox uses the time source of this machine's sandboxes in place of pool.ntp.org"],
        id="default sources of a sandbox",
    ),
    pytest.param(Site(time=NAMED), False, [], id="own sources"),
    pytest.param(Site(time=NAMED, serve=Serve(role="client")), False, [], id="a port is nothing of the host"),
    pytest.param(
        Site(time=Time(servers=(), extra=(Directive("refclock PPS /dev/pps0"), Directive("hwtimestamp eth0")))),
        False,
        ['the host has what "refclock PPS /dev/pps0" needs', 'the host has what "hwtimestamp eth0" needs'],
        id="a device and an interface",
    ),
]


@pytest.mark.parametrize(("site", "is_sandbox", "expected"), ASSUMED)
def test_what_only_the_host_knows_is_said(site: Site, is_sandbox: bool, expected: list[str]) -> None:  # noqa: FBT001 -- a table
    assert list(assumptions(site, is_sandbox=is_sandbox)) == expected


ANSWERS = [
    pytest.param(
        "allow 10.0.0.0/8",
        Answer(address="10.1.2.3", allowed=True, line="allow 10.0.0.0/8", reason='allowed by "allow 10.0.0.0/8"'),
        id="allowed",
    ),
    pytest.param(
        "", Answer(address="10.1.2.3", allowed=False, line="", reason="denied: no line allows it"), id="no line"
    ),
    pytest.param(
        "allow lab.example.net",
        Answer(
            address="10.1.2.3",
            allowed=None,
            line="",
            reason="not known: denied: no line allows it, unless lab.example.net of "
            '"allow lab.example.net" resolves to it',
        ),
        id="a name",
    ),
    pytest.param(
        "port 123\nport 0\nallow all",
        Answer(address="10.1.2.3", allowed=False, line="port 0", reason='denied by "port 0": it serves no time'),
        id="no NTP port",
    ),
    pytest.param(
        "port 0\nport 123\nallow all",
        Answer(address="10.1.2.3", allowed=True, line="allow all", reason='allowed by "allow all"'),
        id="the last port counts",
    ),
]


@pytest.mark.parametrize(("conf", "answer"), ANSWERS)
def test_an_address_may_ask_or_not(conf: str, answer: Answer) -> None:
    assert list(may_ask(conf, ["10.1.2.3"])) == [answer]
    assert str(answer) == f"10.1.2.3: {answer.reason}"
