"""What status, trace, report and verify print about the hosts of a site, whole and broken."""

import json
import re
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from provision.common.text import seconds_text
from tests.helpers.booted_hosts import booted, login
from tests.helpers.broken_site import LAYERS, broken
from tests.helpers.operators import Ran
from tests.helpers.plans import by_name
from tests.helpers.report_schema import checked
from tests.helpers.status_outputs import (
    assert_junit_agrees,
    assert_markdown_agrees,
    assert_metrics_agree,
    assert_page_agrees,
    assert_plugin_agrees,
    assert_state_is_alike,
    assert_table_agrees,
    failed,
    layers,
)
from tests.helpers.waiting import await_true
from tests.integration.fleet.conftest import NAMES, PREFIX, SERVERS, SITE, Hosts

pytestmark = pytest.mark.integration

STRICT = SITE.replace(
    f'web2 = {{ group = "clients", host = "sandbox:{PREFIX}web2" }}',
    f'web2 = {{ group = "clients", host = "sandbox:{PREFIX}web2", limits = {{ offset = "1 ns" }} }}',
).replace(f'host = "sandbox:{PREFIX}web3"', 'host = "127.0.0.1:9"')
"""No clock keeps the limit of web2, and nobody answers at the address of web3."""

VERDICTS = {"ntp1": "ok", "ntp2": "ok", "web1": "FAILED", "web2": "FAILED", "web3": "not tried"}

CLIENTS_OF_EIGHT = ("web4", "web5", "web6")

EIGHT = SITE + "".join(
    f'{name} = {{ group = "clients", host = "sandbox:{PREFIX}{name}" }}\n' for name in CLIENTS_OF_EIGHT
)
"""Two servers and six clients."""

EACH_OTHERWISE = {name: [layer.value] for name, layer in LAYERS.items()}


def table(output: str) -> list[list[str]]:
    """Return the words of the lines about hosts in the last table of an output."""
    lines = output.splitlines()
    heading = max(number for number, line in enumerate(lines) if line.startswith("host "))
    return [line.split() for line in lines[heading + 1 : heading + 1 + len(NAMES)]]


def test_the_state_of_each_host_is_one_line(site: Hosts) -> None:
    ran = site.operator.run("status", site.operator.site(SITE))
    assert ran.status == 0, ran
    assert [report["round_trips"] for report in ran.reports] == [2] * len(NAMES)
    states = by_name(ran)
    rows = {row[0]: row[1:] for row in table(ran.output)}
    for name in NAMES:
        state = states[name]["status"]
        (selected,) = [source for source in state["sources"] if source["state"] == "selected"]
        assert rows[name][:2] == [state["role"], str(state["clock"]["stratum"])]
        assert selected["name"] in rows[name]
        assert rows[name][-2:] == [state["generation"][:8], "ok"]
    bounds = [states[row[0]]["status"]["clock"]["error_bound_seconds"] for row in table(ran.output)]
    assert bounds == sorted(bounds, reverse=True)
    assert states["ntp1"]["status"]["server"]["ntp_authenticated"] > 0
    assert states["web1"]["status"]["server"] is None


def test_the_time_of_a_client_is_followed_to_the_source_of_the_sandboxes(site: Hosts) -> None:
    ran = site.operator.run("trace", site.operator.site(SITE), "--host=web1")
    assert ran.status == 0, ran
    client, server, outside, end, bound, unauthenticated = ran.output.splitlines()[1:]
    assert client.split()[:2] == ["web1", "3"]
    assert client.endswith("key 1, valid")
    assert server.split()[0] in SERVERS
    assert outside.split()[:2] == [server.split()[-2], "1"]
    assert end.startswith(
        f"end of the path: {outside.split()[0]} is no host of the site; it serves its own clock (local)"
    )
    assert re.fullmatch(r"error bound of web1 against stratum 1: \S+ \S?s, the sum over all hops", bound)
    assert unauthenticated == f"not authenticated: {server.split()[0]} follows {outside.split()[0]}"
    assert [report["host"] for report in ran.reports] == ["web1", server.split()[0]]
    path = ran.document["trace"]
    assert (path["end"], path["loop"], path["not_authenticated"]) == ("outside-of-the-site", [], [server.split()[0]])
    assert [hop["name"] for hop in path["hops"]] == ["web1", server.split()[0], outside.split()[0]]
    assert [(hop["authentication"], hop["key_id"]) for hop in path["hops"]] == [
        ("key", 1),
        ("none", None),
        (None, None),
    ]
    assert seconds_text(path["error_bound_seconds"]) in bound
    for hop, report in zip(path["hops"], ran.reports, strict=False):
        assert hop["offset_seconds"] == report["status"]["clock"]["offset_seconds"]


def test_watched_hosts_come_and_go_and_each_keeps_its_connection(site: Hosts) -> None:
    logins = "journalctl -u ssh --no-pager | grep -c 'Accepted publickey'"
    before = {name: int(login(host, logins)) for name, host in site.hosts.items()}
    process = site.operator.start("status", site.operator.site(SITE), "--watch", "1")
    assert process.stdout is not None
    lines: list[str] = []

    def read_until(words: str) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if words in line:
                return
        pytest.fail(f"no {words!r} in {lines}")

    for _ in range(3):
        read_until("5 hosts: 5 ok")
    after = {name: int(login(host, logins)) for name, host in site.hosts.items()}
    # The login that counts is one more.
    assert after == {name: count + 2 for name, count in before.items()}
    # Our own login, whose sshd is the parent of this shell, has to end well.
    login(site.hosts["web1"], "systemctl stop chronyd; kill $(pgrep -f '^sshd: root' | grep -vx $PPID)")
    read_until("4 ok")
    login(site.hosts["web1"], "systemctl start chronyd")
    read_until("5 hosts: 5 ok")
    process.send_signal(signal.SIGINT)
    ran = site.operator.end(process)
    assert (ran.status, "Traceback" in ran.errors) == (0, False), ran
    assert [report["verdict"] for report in ran.reports] == ["ok"] * len(NAMES)


def test_table_json_metrics_plugin_and_page_agree_on_each_host(site: Hosts, tmp_path: Path) -> None:
    login(site.hosts["web1"], "systemctl stop chronyd")
    option = site.operator.site(STRICT)
    metrics, page = tmp_path / "chrony.prom", tmp_path / "report.html"
    ran = site.operator.run("status", option, "--metrics", str(metrics))
    shown = site.operator.run("report", option, "--html", str(page))
    plugin = site.operator.run_plainly("status", option, "--nagios")
    login(site.hosts["web1"], "systemctl start chronyd")
    assert (ran.status, shown.status, plugin.status) == (1, 1, 2), (ran, shown, plugin)
    assert {name: report["verdict"] for name, report in by_name(ran).items()} == VERDICTS
    assert {name: report["verdict"] for name, report in by_name(shown).items()} == VERDICTS
    rows = {row[0]: " ".join(row[1:]) for row in table(ran.output)}
    assert rows["web1"].endswith("FAILED: process.running")
    assert rows["web2"].endswith("FAILED: limits.offset")
    assert rows["web3"].endswith("- not tried")
    text = metrics.read_text()
    for name, verdict in VERDICTS.items():
        assert f'chrony_provision_host_ok{{host="{name}"}} {float(verdict == "ok")}\n' in text
        assert f'chrony_provision_host_asked{{host="{name}"}} {float(verdict != "not tried")}\n' in text
        assert f'chrony_up{{host="{name}"}} {float(name not in {"web1", "web3"})}\n' in text
    first, *others = plugin.output.splitlines()
    assert first.startswith("CHRONY CRITICAL - 5 hosts: 2 OK, 2 CRITICAL, 1 UNKNOWN"), first
    assert all(any(name in line for line in others) for name in ("web1", "web2", "web3"))
    assert all(f">{name}<" in page.read_text() for name in NAMES)


def test_of_eight_hosts_each_broken_otherwise_all_outputs_tell_the_same(site: Hosts, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("metrics", "junit", "markdown", "html", "json")}
    with ExitStack() as stack:
        hosts = {name: stack.enter_context(booted(f"{PREFIX}{name}")) for name in CLIENTS_OF_EIGHT}
        assert site.deploy(*(f"--host={name}" for name in CLIENTS_OF_EIGHT), site=EIGHT).status == 0
        stack.enter_context(broken({**site.hosts, **hosts}))
        option = site.operator.site(EIGHT)

        def run(task: str, *names: str) -> Ran:
            words = [word for name in names for word in (f"--{name}", str(files[name]))]
            return site.operator.run(task, option, *words)

        def each_is_told() -> bool:
            seen = run("status").reports
            synchronised = {report["host"] for report in seen if report["status"]["clock"]["synchronised"]}
            told = {report["host"]: layers(report) for report in seen}
            return told == EACH_OTHERWISE and synchronised == told.keys() - {"ntp2"}

        await_true(each_is_told, "a fault has another layer")
        shown = run("status", "metrics", "junit", "markdown")
        page = run("report", "html")
        verified = site.operator.run("verify", option, "--sync-timeout=1")
        plugin = site.operator.run_plainly("status", option, "--nagios", "--json", str(files["json"]))
    assert (shown.status, page.status, verified.status, plugin.status) == (1, 1, 1, 2)
    by_plugin = checked(json.loads(files["json"].read_text()))["hosts"]
    for reports in (shown.reports, page.reports, verified.reports, by_plugin):
        assert {report["host"]: layers(report) for report in reports} == EACH_OTHERWISE
    unsynchronised = [report["host"] for report in shown.reports if failed(report) != ["limits.sources"]]
    assert unsynchronised == ["ntp2"]
    assert_table_agrees(shown.output, shown.reports)
    assert_metrics_agree(files["metrics"].read_text(), shown.reports)
    assert_junit_agrees(files["junit"].read_text(), shown.reports)
    assert_markdown_agrees(files["markdown"].read_text(), shown.reports)
    assert_table_agrees(page.output, page.reports)
    assert_page_agrees(files["html"], page.reports)
    assert_plugin_agrees(plugin.output, by_plugin)
    for one, other in zip(shown.reports, verified.reports, strict=True):
        assert_state_is_alike(one, other)
    # Its files are as before, and were changed since each chronyd was started.
    assert site.deploy().status == 0
