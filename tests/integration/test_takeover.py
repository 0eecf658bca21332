"""A host with a chrony that somebody has configured: a deployment names what it would lose, and gives it back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from provision.common.text import MINUS
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import assert_nowhere, booted, login
from tests.helpers.host_state import give_builds, install
from tests.helpers.operators import Ran
from tests.helpers.plans import MOST_LINES, assert_plan_is_what_was_done, by_name
from tests.integration.conftest import CHECKOUT, Deployed

pytestmark = pytest.mark.integration

SECRET = bytes(range(16)).hex().upper()
CUSTOMISED = f"""
mkdir -p /etc/systemd/system/chrony.service.d
printf '[Unit]\\nConditionCapability=\\n[Service]\\nExecStart=\\nExecStart=!/usr/sbin/chronyd -x $DAEMON_OPTS\\n' \
    >/etc/systemd/system/chrony.service.d/sandbox.conf
printf 'server 198.19.0.2 iburst key 12\\n' >/etc/chrony/sources.d/own.sources
printf 'allow 10.9.0.0/16\\nlocal stratum 5\\nrefclock SHM 0 refid GPS\\n' >/etc/chrony/conf.d/own.conf
printf '1 AES128 HEX:{SECRET}\\n12 AES128 HEX:{SECRET}\\n13 MD5 HEX:AABB\\n' >>/etc/chrony/chrony.keys
systemctl daemon-reload
systemctl restart chrony
systemctl is-active chrony
"""
FILES = "cat /etc/chrony/chrony.conf /etc/chrony/*.d/* /etc/chrony/chrony.keys /etc/systemd/system/chrony.service.d/*"
LOST = {
    "source": "pool 2.debian.pool.ntp.org iburst",
    "source.options": "server 198.19.0.2 iburst key 12",
    "source.dhcp": "sourcedir /run/chrony-dhcp",
    "refclock": "refclock SHM 0 refid GPS",
    "local": "local stratum 5",
    "access.wider": "access for 10.9.0.0/16",
    "ipv6.opens": "access for IPv4 alone",
    "unit": "ConditionCapability=",
    "key.secret": "key 1 AES128",
}
"""Id → the setting as it was; besides, there are keys and other directives."""


@pytest.fixture(scope="module")
def host(deployed: Deployed) -> Iterator[Sandbox]:
    with booted(f"it-takeover-{CHECKOUT}") as host:
        install(host, "chrony")
        give_builds(deployed.host, host)
        yield host


def run(deployed: Deployed, host: Sandbox, task: str, *words: str) -> Ran:
    return deployed.operator.run(task, f"--host=sandbox:{host.name}", *words)


def losses(ran: Ran) -> list[tuple[str, str]]:
    return [(loss["id"], loss["was"]) for loss in ran.report["losses"]]


def test_a_distributions_default_is_replaced_without_a_word(host: Sandbox, deployed: Deployed) -> None:
    planned = run(deployed, host, "plan")
    assert (planned.status, losses(planned)) == (3, [])


def test_a_unit_file_that_was_edited_in_place_is_named(host: Sandbox, deployed: Deployed) -> None:
    unit = "/lib/systemd/system/chrony.service"
    login(host, f"cp {unit} /root/; sed -i 's,^ExecStart=.*,& -r,' {unit}; systemctl daemon-reload")
    edited = run(deployed, host, "plan")
    assert (edited.status, [loss["id"] for loss in edited.report["losses"] if loss["place"] == unit]) == (1, ["unit"])
    login(host, f"cp /root/chrony.service {unit}; systemctl daemon-reload")
    assert run(deployed, host, "plan").status == 3


def test_status_and_verify_show_its_state(host: Sandbox, deployed: Deployed) -> None:
    login(host, CUSTOMISED)
    for task in ("status", "verify"):
        ran = run(deployed, host, task)
        assert (ran.status, ran.report["round_trips"]) == (1, 4)
        error = ran.report["error"]
        assert "nothing is deployed here; chrony.service (chrony 4.3) keeps time, " in error
        assert "synchronised" in error
        existing = ran.report["existing"]
        (service,) = existing["services"]
        assert (existing["ntp_port_open"], service["configuration"]) == (True, "/etc/chrony/chrony.conf")
        assert (service["key_ids"], service["requests"]) == ([1, 12, 13], {"received": 0, "dropped": 0})
        sources = {source["name"]: source for source in service["sources"]}
        assert (sources["198.19.0.2"]["authentication"], sources["198.19.0.2"]["key_id"]) == ("key", 12)
        assert sources["GPS"]["kind"] == "reference clock"
        for words in ("key ids        1, 12, 13", "UDP port 123  open", "key 12, "):
            assert words in ran.output
        assert_nowhere(SECRET, ran.output)


def test_a_customised_one_is_named_and_nothing_is_changed(host: Sandbox, deployed: Deployed) -> None:
    before = login(host, FILES)
    for task in ("plan", "deploy"):
        ran = run(deployed, host, task)
        assert ran.status == 1
        assert "chrony.service is configured here, and nothing was changed" in ran.error
        assert ran.error.endswith(
            "write what is to stay into the site file, as inv import does, or give these up with --replace"
        )
        found = losses(ran)
        assert LOST.items() <= dict(found).items()
        assert [was for id_, was in found if id_ == "key"] == ["key 12 AES128", "key 13 MD5"]
        assert_nowhere(SECRET, ran.output)
    assert login(host, FILES) == before
    assert not (host.root / "opt/chrony/current").exists()
    assert login(host, "systemctl is-active chrony").strip() == "active"


def test_an_operator_may_give_it_up_and_is_not_asked_again(host: Sandbox, deployed: Deployed) -> None:
    replaced = run(deployed, host, "deploy", "--replace")
    replaced.assert_proven()
    assert LOST.items() <= dict(losses(replaced)).items()
    again = run(deployed, host, "deploy")
    again.assert_proven()
    assert losses(again) == []


def test_uninstall_gives_it_back_with_its_sources_and_keys(host: Sandbox, deployed: Deployed) -> None:
    left = run(deployed, host, "uninstall")
    assert left.status == 0, left
    assert SECRET in login(host, "cat /etc/chrony/chrony.keys")
    assert login(host, "readlink /proc/$(systemctl show --value -p MainPID chrony)/exe").strip() == "/usr/sbin/chronyd"
    sources = login(host, "chronyc -n -c sources")
    assert "198.19.0.2" in sources
    assert "GPS" in sources


FLEET = {"ntp1": CUSTOMISED, "ntp2": CUSTOMISED, "web1": "true", "web2": ""}
"""Host → what somebody has made of Debian's chrony; without it, the host is bare."""
SITE = """
[groups.servers]
serve.allow = ["198.18.0.0/15", "10.0.0.0/8"]
time.servers = [{ address = "198.19.0.2", minpoll = 0, maxpoll = 4 }]

[groups.clients]
serve.role = "client"
time.follows = "servers"

[hosts]
"""
ROLES = {"ntp1": "servers", "ntp2": "servers", "web1": "clients", "web2": "clients"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Four hosts, and what was planned for them and done."""

    planned: Ran
    in_full: Ran
    """The same plan, with ``--diff``."""
    deployed: Ran


def as_somebody_left_it(host: Sandbox, customised: str) -> None:
    """Install Debian's chrony, if the host has it, and customise it."""
    if customised:
        install(host, "chrony")
        login(host, customised)


@pytest.fixture(scope="module")
def fleet(deployed: Deployed) -> Iterator[Fleet]:
    with ExitStack() as stack:
        hosts = {name: stack.enter_context(booted(f"it-four-{name}-{CHECKOUT}")) for name in FLEET}
        with ThreadPoolExecutor() as pool:
            list(pool.map(as_somebody_left_it, hosts.values(), FLEET.values()))
        lines = [
            f'{name} = {{ group = "{ROLES[name]}", host = "sandbox:{host.name}" }}' for name, host in hosts.items()
        ]
        operator = deployed.operator
        words = (operator.site(SITE + "\n".join(lines)), "--replace")
        planned, in_full = operator.run("plan", *words), operator.run("plan", *words, "--diff")
        yield Fleet(planned=planned, in_full=in_full, deployed=operator.run("deploy", *words))


SHOWN = {
    "ntp1": {"build", "chrony-conf", "access", "keys", "replaces", "lost"},
    "ntp2": {"build", "chrony-conf", "access", "keys", "replaces", "lost"},
    "web1": {"build", "chrony-conf", "keys", "replaces"},
    "web2": {"build", "chrony-conf", "keys"},
}
"""Host → ids of the changes that have a line of their own."""
ON_HOST = {"switch-script", "unit", "rehearsed", "switch", "confirmed", "links", "timedatectl"}
"""Ids of the changes that each of the hosts has in one line."""
ON_SERVER = {"socket", "saved-measurements"}


def beginnings(lines: list[str]) -> list[str]:
    """Return the lines without all behind the subject of a change."""
    return [line[:17].rstrip() if line.startswith("    ") else line for line in lines]


def test_a_plan_of_four_hosts_over_customised_services_is_short(fleet: Fleet) -> None:
    lines = fleet.planned.output.splitlines()
    assert len(lines) <= MOST_LINES, fleet.planned.output
    assert beginnings([line for line in lines if not line.startswith("  note ")]) == [
        "ntp1, ntp2 (servers)",
        "    + build",
        "    ~ chrony.conf",
        "    ~ access",
        "    ~ keys",
        "    + on host",
        "    ! replaces",
        "    ! lost",
        "web1 (client)",
        "    + build",
        "    ~ chrony.conf",
        "    + keys",
        "    + on host",
        "    ! replaces",
        "web2 (client)",
        "    + build",
        "    + chrony.conf",
        "    + keys",
        "    + on host",
        "Plan: 4 hosts, 4 to change. Servers switch one at a time.",
    ]
    for line in (
        "    + build        chrony 4.9, nettle 3.10.2: all get the artifact",
        "    ~ access       10.9.0.0/16 → 198.18.0.0/15 and 10.0.0.0/8 (wider)",
        f"    ~ keys         {MINUS} 12-13",
        "    ! replaces     chrony.service (active): stopped and masked until uninstall",
    ):
        assert line in lines
    (lost,) = [line for line in lines if line.startswith("    ! lost")]
    # The site serves IPv4 alone, too.
    assert [words for id_, words in LOST.items() if id_ != "ipv6.opens" and words not in lost] == []
    assert_nowhere(SECRET, fleet.planned.output, fleet.in_full.output, fleet.deployed.output)


def test_in_full_a_plan_begins_with_each_step_its_reason_and_its_differences(fleet: Fleet) -> None:
    in_full, planned = fleet.in_full.output, fleet.planned.output
    assert (in_full.endswith(planned), fleet.in_full.status, fleet.planned.status) == (True, 3, 3)
    lines = in_full.removesuffix(planned).splitlines()
    assert [line for line in lines if not line.startswith(" ")] == list(FLEET)
    for name, report in by_name(fleet.in_full).items():
        start = lines.index(name)
        pending = [step for step in report["outcomes"] if step["status"] == "pending"]
        for step in pending:
            at = lines.index(f"  pending      {step['title']}  ({step['reason']})", start)
            diff = [f"      {line}" for line in step["diff"].splitlines()]
            assert lines[at + 1 : at + 1 + len(diff)] == diff
        assert any(step["diff"] for step in pending)


def test_json_has_the_same_changes_with_stable_ids(fleet: Fleet) -> None:
    assert [report["changes"] for report in fleet.planned.reports] == [
        report["changes"] for report in fleet.in_full.reports
    ]
    for name, report in by_name(fleet.planned).items():
        shown = [change for change in report["changes"] if not change["minor"]]
        assert {change["id"] for change in shown} == SHOWN[name]
        for change in shown:
            line = f"    {change['sign']} {change['subject']:<11}  {change['text']}"
            assert line in fleet.planned.output
        on_host = {change["id"] for change in report["changes"] if change["minor"]}
        assert on_host - {"account"} == ON_HOST | (ON_SERVER if name in {"ntp1", "ntp2"} else set())
        assert ("account" in on_host) == (name == "web2")


def test_the_deployment_does_exactly_as_the_plan_says(fleet: Fleet) -> None:
    assert_plan_is_what_was_done(fleet.planned, fleet.deployed)
    assert [report["losses"] for report in fleet.deployed.reports] == [
        report["losses"] for report in fleet.planned.reports
    ]
    failed = [
        finding for report in fleet.deployed.reports for finding in report["findings"] if finding["holds"] is False
    ]
    assert failed == []
