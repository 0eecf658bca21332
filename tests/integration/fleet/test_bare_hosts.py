"""A site's first deployment: one host compiles, servers are switched in turn, and clients after them."""

import re

import pytest

from tests.helpers.booted_hosts import login
from tests.helpers.plans import MOST_LINES, assert_plan_is_what_was_done, by_name, reasons
from tests.integration.fleet.conftest import CLIENTS, COMPILING, NAMES, SERVERS, Hosts

pytestmark = pytest.mark.integration


def test_a_plan_is_short_and_names_hosts_that_need_the_same_together(site: Hosts) -> None:
    lines = site.planned.output.splitlines()
    assert len(lines) <= MOST_LINES, site.planned.output
    assert [line for line in lines if not line.startswith(" ")] == [
        "ntp1, ntp2 (servers)",
        "web1, web2, web3 (clients)",
        "Plan: 5 hosts, 5 to change. Servers switch one at a time.",
    ]
    (build,) = {line for line in lines if line.startswith("    + build ")}
    assert re.search(
        r": one of ntp1, ntp2, web1, web2, web3 compiles \(\d+ packages\), the others get the artifact$", build
    )


def test_a_plan_of_bare_hosts_names_what_is_done_the_keys_and_the_host_that_compiles(site: Hosts) -> None:
    assert_plan_is_what_was_done(site.planned, site.first)
    pending, changed = reasons(site.planned, "pending"), reasons(site.first, "changed")
    assert {steps["staged"] for steps in pending.values()} == {"not uploaded yet: key 1 added (AES128)"}
    assert [steps["staged"] for steps in changed.values()] == [steps["staged"] for steps in pending.values()]
    builds = {name: steps["build"].partition("; ")[2] for name, steps in pending.items()}
    assert builds == {
        "ntp1": "compiled here",
        **dict.fromkeys(NAMES[1:], "unpacked from an artifact, which ntp1 compiles"),
    }
    done = {name: steps["build"].partition("; ")[2] for name, steps in changed.items()}
    assert done == {name: words.partition(",")[0] for name, words in builds.items()}
    assert [name for name in NAMES if COMPILING in site.log(name)] == ["ntp1"]


def test_all_are_as_wanted_and_each_client_is_answered_by_each_server(site: Hosts) -> None:
    first = site.first
    assert first.status == 0, first
    assert tuple(by_name(first)) == NAMES
    assert [finding for report in first.reports for finding in report["findings"] if finding["holds"] is False] == []
    addresses = {site.hosts[name].address for name in SERVERS}
    for name in CLIENTS:
        sources = by_name(first)[name]["sources"]
        assert {source["address"] for source in sources} == addresses
        assert all((source["key"], source["authenticated"]) == (1, True) for source in sources)
        told = login(site.hosts[name], "chronyc -n ntpdata")
        assert told.count("Authenticated   : Yes") == len(SERVERS)


def test_the_matrix_is_printed(site: Hosts) -> None:
    lines = [line.split() for line in site.first.output.splitlines()]
    assert ["authenticated", "ntp1", "ntp2"] in lines
    for name in CLIENTS:
        assert [name, "key", "1", "key", "1"] in lines
    assert "5 hosts: 5 ok; 5 changed" in site.first.output


def test_exactly_one_has_compiled_and_the_others_have_no_compiler(site: Hosts) -> None:
    compiled = [name for name in NAMES if COMPILING in site.log(name)]
    assert len(compiled) == 1
    unpacked = [name for name in NAMES if "--- unpacking the build" in site.log(name)]
    assert sorted([*compiled, *unpacked]) == sorted(NAMES)
    for name in unpacked:
        assert login(site.hosts[name], "command -v gcc make || echo none").strip() == "none"
    digests = {
        login(host, "cd /opt/chrony/builds/* && find . -type f | sort | xargs sha256sum")
        for host in site.hosts.values()
    }
    assert len(digests) == 1


def test_servers_were_switched_one_after_the_other_and_clients_after_them(site: Hosts) -> None:
    order = [
        match[1]
        for line in site.first.output.splitlines()
        if (match := re.match(r"(\S+)\s+changed\s+generation \S+ (running|proven)", line))
    ]
    assert order[:4] in (["ntp1", "ntp1", "ntp2", "ntp2"], ["ntp2", "ntp2", "ntp1", "ntp1"])
    assert set(order[4:]) == set(CLIENTS)


def test_the_same_again_changes_nothing(site: Hosts) -> None:
    assert site.plan().status == 0
    ran = site.deploy()
    assert ran.status == 0, ran
    assert [(report["changed"], report["round_trips"]) for report in ran.reports] == [(0, 3)] * len(NAMES)
    assert "5 hosts: 5 ok; nothing changed" in ran.output
