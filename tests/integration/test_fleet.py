"""Two servers and three clients, as in examples/sandbox.toml: one compile, servers in turn, clients after them."""

import gzip
import json
import re
import shutil
import signal
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from provision.build.artifact_store import ARCHIVE, NOTE
from provision.common.text import seconds_text
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import ROOT, booted, login, need_root
from tests.helpers.broken_site import LAYERS, broken
from tests.helpers.build_archives import packed_in_order
from tests.helpers.operators import Operator, Ran
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

pytestmark = pytest.mark.integration

PREFIX = "it-fleet-"
SERVERS, CLIENTS = ("ntp1", "ntp2"), ("web1", "web2", "web3")
NAMES = (*SERVERS, *CLIENTS)
COMPILING = "--- building chrony"
SITE = (ROOT / "examples/sandbox.toml").read_text().replace("sandbox:", f"sandbox:{PREFIX}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The booted hosts, and who deploys to them."""

    operator: Operator
    hosts: dict[str, Sandbox]
    planned: Ran
    """Of the bare hosts, without keys."""
    first: Ran

    def deploy(self, *words: str, extra: str = "", site: str = SITE) -> Ran:
        return self.operator.run("deploy", self.operator.site(f"{extra}{site}"), *words)

    def plan(self, *words: str) -> Ran:
        return self.operator.run("plan", self.operator.site(SITE), *words)

    def log(self, name: str) -> str:
        """Return what was logged of a host, of all runs."""
        return "".join(path.read_text() for path in sorted(self.operator.logs.glob(f"{name}-*.log")))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    need_root()
    with ExitStack() as stack:
        hosts = {name: stack.enter_context(booted(f"{PREFIX}{name}")) for name in NAMES}
        operator = Operator(tmp_path_factory.mktemp("operator"))
        planned = operator.run("plan", operator.site(SITE))
        first = operator.run("deploy", operator.site(SITE))
        yield Hosts(operator=operator, hosts=hosts, planned=planned, first=first)


def by_name(ran: Ran) -> dict[str, dict[str, Any]]:
    return {report["host"]: report for report in ran.reports}


KNOWN_LATER = {"run-packages"}
"""Steps that a plan of a build which does not exist yet cannot tell: compiling it finds out which packages it needs."""
MOST_LINES = 25
"""Of a plan for people, of a site such as this one."""


def reasons(ran: Ran, status: str) -> dict[str, dict[str, str]]:
    """Return why each step of each host ended so, by host and id, in their order."""
    return {
        name: {one["id"]: one["reason"] for one in report["outcomes"] if one["status"] == status}
        for name, report in by_name(ran).items()
    }


def assert_plan_is_what_was_done(planned: Ran, deployed: Ran) -> None:
    """Assert that each step which a plan says is pending was changed, and no other one."""
    assert (planned.status, deployed.status) == (3, 0)
    pending, changed = reasons(planned, "pending"), reasons(deployed, "changed")
    for name, steps in changed.items():
        assert list(pending[name]) == [id_ for id_ in steps if id_ in pending[name] or id_ not in KNOWN_LATER], name
    assert pending.keys() == changed.keys()
    assert changes(planned) == changes(deployed)


def changes(ran: Ran) -> dict[str, list[tuple[str, ...]]]:
    """Return the changes of each host, but for packages, and for who compiles, which a plan cannot know."""
    return {
        name: [
            (one["id"], one["sign"], one["subject"], one["text"])
            for one in report["changes"]
            if one["id"] != "packages"
        ]
        for name, report in by_name(ran).items()
    }


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
    cut = "systemctl stop chronyd; (sleep 1; pkill -f 'sshd: root') >/dev/null 2>&1 &"
    login(site.hosts["web1"], cut)
    read_until("4 ok")
    login(site.hosts["web1"], "systemctl start chronyd")
    read_until("5 hosts: 5 ok")
    process.send_signal(signal.SIGINT)
    ran = site.operator.end(process)
    assert (ran.status, "Traceback" in ran.errors) == (0, False), ran
    assert [report["verdict"] for report in ran.reports] == ["ok"] * len(NAMES)


STRICT = SITE.replace(
    f'web2 = {{ group = "clients", host = "sandbox:{PREFIX}web2" }}',
    f'web2 = {{ group = "clients", host = "sandbox:{PREFIX}web2", limits = {{ offset = "1 ns" }} }}',
).replace(f'host = "sandbox:{PREFIX}web3"', 'host = "127.0.0.1:9"')
"""No clock keeps the limit of web2, and nobody answers at the address of web3."""
VERDICTS = {"ntp1": "ok", "ntp2": "ok", "web1": "FAILED", "web2": "FAILED", "web3": "not tried"}


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


CLIENTS_OF_EIGHT = ("web4", "web5", "web6")
EIGHT = SITE + "".join(
    f'{name} = {{ group = "clients", host = "sandbox:{PREFIX}{name}" }}\n' for name in CLIENTS_OF_EIGHT
)
"""Two servers and six clients."""
EACH_OTHERWISE = {name: [layer.value] for name, layer in LAYERS.items()}


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


def test_a_host_that_is_reset_gets_the_artifact_and_no_other_is_touched(site: Hosts) -> None:
    login(site.hosts["web2"], "rm -rf /opt/chrony/builds")
    planned = site.plan()
    ran = site.deploy()
    assert_plan_is_what_was_done(planned, ran)
    # The daemon has to be that of the new files.
    assert [report["changed"] for report in ran.reports] == [0, 0, 0, 2, 0]
    assert COMPILING not in site.log("web2")


def of_another_machine(folder: Path) -> None:
    """Have a build in the store that is whole, and whose chronyd does not start."""
    archive, note = folder / ARCHIVE, folder / NOTE
    with tarfile.open(archive) as tar:
        files = {entry.name: opened.read() for entry in tar if (opened := tar.extractfile(entry)) is not None}
    old = sha256(files["sbin/chronyd"]).hexdigest().encode()
    files["sbin/chronyd"] = b"#!/bin/no-such-machine\n"
    files["sha256sums"] = files["sha256sums"].replace(old, sha256(files["sbin/chronyd"]).hexdigest().encode())
    archive.write_bytes(gzip.compress(packed_in_order(files)))
    said = {**json.loads(note.read_text()), "sha256": sha256(archive.read_bytes()).hexdigest()}
    note.write_text(json.dumps(said))


def test_an_artifact_that_does_not_work_on_a_host_is_built_anew_there(site: Hosts) -> None:
    (folder,) = [path for path in site.operator.artifacts.iterdir() if path.is_dir()]
    whole = (folder / ARCHIVE).read_bytes()
    of_another_machine(folder)
    login(site.hosts["web3"], "rm -rf /opt/chrony/builds")
    ran = site.deploy("--host=web3")
    assert ran.status == 0, ran
    assert any("does not work on this host, which compiles" in note for note in ran.report["notes"])
    assert site.log("web3").count(COMPILING) == 1
    # What was built is kept, and is what it was.
    assert (folder / ARCHIVE).read_bytes() == whole


def test_two_runs_at_the_same_time_compile_once(site: Hosts) -> None:
    shutil.rmtree(site.operator.artifacts)
    option = site.operator.site(SITE)
    for name in ("web1", "web2"):
        login(site.hosts[name], "rm -rf /opt/chrony/builds")
    before = sum(site.log(name).count(COMPILING) for name in ("web1", "web2"))
    runs = [site.operator.start("deploy", option, f"--host={name}") for name in ("web1", "web2")]
    for run in runs:
        ran = site.operator.end(run)
        assert ran.status == 0, ran
    assert sum(site.log(name).count(COMPILING) for name in ("web1", "web2")) == before + 1


def test_where_two_have_to_build_the_same_the_third_host_gets_what_the_first_two_built(site: Hosts) -> None:
    (file,) = site.operator.artifacts.glob(f"[!.]*/{NOTE}")
    (first,) = json.loads(file.read_text())["builders"]
    (third,) = {"web1", "web2"} - {name for name in ("web1", "web2") if first.endswith(name)}
    for name in ("web3", third):
        login(site.hosts[name], "rm -rf /opt/chrony/builds")
    before = {name: site.log(name).count(COMPILING) for name in ("web3", third)}
    ran = site.deploy("--host=web3", f"--host={third}", site=SITE.replace("[build]\n", "[build]\nconfirm = 2\n"))
    assert ran.status == 0, ran
    compiled = {name for name in before if site.log(name).count(COMPILING) > before[name]}
    assert len(compiled) == 1, compiled
    builders = json.loads(file.read_text())["builders"]
    assert len(builders) == 2
    notes = [note for report in ran.reports for note in report["notes"]]
    assert any(f"built to the same bytes by {', '.join(builders)}" in note for note in notes)


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
    process = site.operator.start("deploy", option)
    logs = f"*-{process.pid}.log"
    await_true(lambda: any("--- building" in log.read_text() for log in site.operator.logs.glob(logs)), "none builds")
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    ran = site.operator.end(process)
    assert (ran.status, "Traceback" in ran.output + ran.errors) == (130, False)
    assert time.monotonic() - begun < 20
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


def test_from_a_bundle_a_host_is_deployed_without_any_network(site: Hosts, tmp_path: Path) -> None:
    bundle = tmp_path / "site.bundle"
    option = site.operator.site(SITE)
    made = site.operator.run_plainly("bundle", str(bundle), option)
    assert made.status == 0, made
    assert "artifact chrony-4.9-nettle-system-" in made.output
    stranger = Operator(tmp_path / "stranger")
    stranger.key_file.parent.mkdir(parents=True)
    shutil.copy(site.operator.key_file, stranger.key_file)
    # Neither tarballs nor artifacts are there, and nobody can be asked.
    (stranger.artifacts.parent / "sources").mkdir(parents=True)
    nobody = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https")}
    host = site.hosts["web2"]
    login(host, "systemctl stop chronyd; rm -rf /opt/chrony; ip route del default")
    alone = stranger.run("deploy", stranger.site(SITE), "--host=web2", **nobody)
    assert alone.status == 2
    ran = stranger.run("deploy", stranger.site(SITE), "--host=web2", f"--bundle={bundle}", **nobody)
    assert ran.status == 0, ran
    assert "unpacking the build" in stranger.log
    assert f"{bundle}: sha256 " in ran.output
