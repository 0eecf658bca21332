"""Runs on a site that do not complete: a server that fails its proof, and Ctrl-C."""

import re
import signal

import pytest

from tests.helpers.booted_hosts import login
from tests.helpers.host_state import builds
from tests.helpers.plans import by_name
from tests.helpers.waiting import await_true
from tests.integration.fleet.conftest import CLIENTS, NAMES, SITE, Hosts

pytestmark = pytest.mark.integration


def test_a_server_that_breaks_leaves_the_other_one_alone_and_retry_completes(site: Hosts) -> None:
    """A configuration that answers only the host itself passes the rehearsal, and fails the proof."""
    lonely = 'time.extra = ["binddevice lo"]\n\n[groups.clients]\ntime.rtcsync = false'
    lonely = SITE.replace("[groups.clients]", lonely)
    ran = site.operator.run("deploy", site.operator.site(lonely), "--confirm-timeout=15")
    assert ran.status == 1
    errors = {name: report["error"] for name, report in by_name(ran).items()}
    broken, spared = ("ntp1", "ntp2") if "was not confirmed" in str(errors["ntp1"]) else ("ntp2", "ntp1")
    assert re.search("was not confirmed; rolled back to generation [0-9a-f]{16}: ", str(errors[broken]))
    assert f"left alone: {broken} of its group may be without service" in errors[spared]
    for name in CLIENTS:
        assert errors[name].startswith("left alone: it follows ")
    for name in NAMES:
        assert "Leap status     : Normal" in login(site.hosts[name], "chronyc tracking")
    again = site.deploy("--retry")
    assert again.status == 0, again
    assert tuple(by_name(again)) == NAMES
    once_more = site.deploy("--retry")
    assert once_more.status == 2
    assert "error: --retry: none of these hosts failed" in once_more.errors


def test_interrupted_it_stops_at_once_and_the_next_run_completes(site: Hosts) -> None:
    option = site.operator.site(SITE.replace("[build]\n", "[build]\nseccomp = false\n"))
    before = {name: builds(host) for name, host in site.hosts.items()}
    process = site.operator.start("deploy", option)
    logs = f"*-{process.pid}.log"
    await_true(lambda: any("--- building" in log.read_text() for log in site.operator.logs.glob(logs)), "none builds")
    process.send_signal(signal.SIGINT)
    ran = site.operator.end(process)
    assert (ran.status, "Traceback" in ran.output + ran.errors) == (130, False)
    # Nobody waited for the compiler.
    assert {name: builds(host) for name, host in site.hosts.items()} == before
    assert ran.errors.strip() == "interrupted; run the same command again to complete it"
    # All of them are in the report, and are taken up by --retry.
    assert tuple(by_name(ran)) == NAMES
    assert all("interrupted" in report["error"] for report in ran.reports)
    for host in site.hosts.values():
        # Its guard tidies up by itself; a login whose script ends with another status than 0 fails.
        login(host, "cd /opt/chrony/work && timeout 10 sh -c 'while ls -d ./* >/dev/null 2>&1; do sleep 0.2; done'")
    again = site.operator.run("deploy", option, "--retry")
    assert again.status == 0, again
    assert tuple(by_name(again)) == NAMES
