"""How many servers switch at a time."""

from dataclasses import replace
from typing import Literal

import pytest

from provision.common.results import Outcome, Status
from provision.fleet.turns import turns_of_servers
from provision.host.target import parse_target
from provision.output.report import Report
from provision.site.schema import Rollout, Serve, Site
from provision.site.settings import Settings
from tests.helpers.host_settings import make_settings

PENDING = Outcome(id="staged", title="staged", status=Status.PENDING)


def settings(group: str | None, *, role: Literal["server", "client"] = "server", at_a_time: int = 1) -> Settings:
    made = make_settings(uses_keys=False)
    site = Site(serve=Serve(role=role), rollout=Rollout(max_unavailable=at_a_time))
    return replace(made, site=site, group=group)


ONE = {"ntp1": settings("a"), "ntp2": settings("a")}
TWO = {"ntp3": settings("b", at_a_time=2), "ntp4": settings("b", at_a_time=2)}
CLIENTS = {"web1": settings("c", role="client"), "web2": settings("c", role="client")}
SITE = {**ONE, **TWO, **CLIENTS}
TURNS = [
    pytest.param(SITE, {*ONE, *CLIENTS}, "Servers switch one at a time.", id="one group"),
    pytest.param(SITE, {"ntp1", "ntp3", *CLIENTS}, "", id="one server of each group"),
    pytest.param(SITE, {*CLIENTS}, "", id="no server"),
    pytest.param(SITE, set[str](), "", id="nothing changes"),
    pytest.param(SITE, {*TWO}, "Servers switch 2 at a time.", id="two at a time"),
    pytest.param(SITE, {*ONE, *TWO}, "Servers of a group switch in turns.", id="each group has its own number"),
    pytest.param(
        {**ONE, "ntp3": settings("b")}, {*ONE, "ntp3"}, "Servers of a group switch one at a time.", id="two groups"
    ),
    pytest.param(
        {"a": settings(None), "b": settings(None)}, {"a", "b"}, "Servers switch one at a time.", id="no group"
    ),
]


@pytest.mark.parametrize(("site", "changing", "words"), TURNS)
def test_the_turns_of_the_servers_that_would_change(site: dict[str, Settings], changing: set[str], words: str) -> None:
    hosts = [(parse_target(name), one) for name, one in site.items()]
    reports = [Report(host=target) for target, _ in hosts]
    for report in reports:
        if str(report.host) in changing:
            report.outcomes.append(PENDING)
    assert turns_of_servers(hosts, reports) == words
