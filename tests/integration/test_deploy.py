"""The first deployment on a bare host, what it left there, and the second, which changes nothing."""

import json
import re
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from pysequoia import Tsk

from provision.common.results import Finding
from provision.host.sandbox import sandbox
from provision.output.report_text import finding_text
from tests.helpers.booted_hosts import assert_nowhere, login
from tests.helpers.host_state import builds, current, files_of, holders, journal, pid, work_folders
from tests.helpers.samples import read_keys
from tests.integration.conftest import Deployed, deployed_once
from tests.unit.output.test_nagios import OUTPUT

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A host that no other test has touched."""
    yield from deployed_once("it-first", tmp_path_factory.mktemp("first"))


def hex_of_key(deployed: Deployed) -> str:
    keys = read_keys(deployed.operator.key_file)
    assert keys is not None
    (key,) = keys
    return key.secret.hex()


def test_the_first_run_ends_with_every_finding_held(deployed: Deployed) -> None:
    deployed.first.assert_proven()
    assert deployed.first.errors == ""
    assert deployed.first.report["platform"] == "debian-12-x86_64-glibc-2.36"
    assert deployed.first.report["changed"] == len(deployed.first.changed) >= 6


def test_the_report_names_the_allowed_clients_and_the_missing_features(deployed: Deployed) -> None:
    notes = " | ".join(deployed.first.report["notes"])
    assert "may query: private networks and loopback" in notes
    assert "may not set its clock" in notes
    assert f"made key 1 (AES128), kept in {deployed.operator.key_file}" in notes


def test_the_key_that_was_made_is_kept_where_only_its_owner_reads_it(deployed: Deployed) -> None:
    assert deployed.operator.key_file.stat().st_mode & 0o777 == 0o600
    assert len(hex_of_key(deployed)) == 32


def test_the_second_run_changes_nothing_in_three_round_trips(deployed: Deployed) -> None:
    before = (pid(deployed.host), current(deployed.host), files_of(deployed.host))
    second = deployed.run("deploy")
    second.assert_proven()
    assert (second.changed, second.report["changed"], second.report["round_trips"]) == ({}, 0, 3)
    assert (pid(deployed.host), current(deployed.host), files_of(deployed.host)) == before
    assert before[2] == deployed.files, "what the first run left changed by itself"
    assert "nothing changed" in second.output


def test_plan_of_a_deployed_host_finds_nothing_to_do(deployed: Deployed) -> None:
    plan = deployed.run("plan")
    plan.assert_proven()
    assert (plan.pending, plan.changed) == ({}, {})


def test_plan_says_why_and_how_and_changes_nothing(deployed: Deployed) -> None:
    before = (pid(deployed.host), files_of(deployed.host))
    site = deployed.operator.site("[time]\nmaxupdateskew = 50.0\n")
    plan = deployed.run("plan", site)
    assert plan.status == 3
    assert list(plan.pending) == ["staged", "rehearsed", "active", "confirmed"]
    assert plan.pending["active"].startswith(f"runs generation {current(deployed.host)}, the site wants ")
    assert [line for line in plan.output.splitlines() if line.startswith("    ~ ")] == [
        "    ~ chrony.conf  + maxupdateskew 50"
    ]
    assert "Plan: 1 host, 1 to change." in plan.output
    assert "+maxupdateskew 50" not in plan.output
    assert "      +maxupdateskew 50" in deployed.run("plan", site, "--diff").output
    assert (pid(deployed.host), files_of(deployed.host)) == before


def test_plan_on_a_host_without_the_build_changes_nothing_either(deployed: Deployed) -> None:
    before = files_of(deployed.host)
    plan = deployed.run("plan", "--chrony=4.6.1", "--diff")
    assert plan.status == 3
    assert plan.pending["build"] == "no finished build of this recipe; compiled here"
    assert "      -Type=notify" in plan.output
    assert files_of(deployed.host) == before


def test_verify_proves_the_running_daemon_and_changes_nothing(deployed: Deployed) -> None:
    before = (pid(deployed.host), files_of(deployed.host))
    verified = deployed.run("verify")
    verified.assert_proven()
    assert (pid(deployed.host), files_of(deployed.host)) == before


def test_verify_writes_evidence_that_is_refused_once_it_is_altered(deployed: Deployed) -> None:
    folder, signs = deployed.operator.home / "evidence", Tsk.generate("Auditor")
    for name, text in (("key.asc", signs), ("cert.asc", signs.extract_certificate())):
        (deployed.operator.home / name).write_text(str(text))
    certificate = f"--sign-cert={deployed.operator.home / 'cert.asc'}"
    signing = f"--sign-key={deployed.operator.home / 'key.asc'}"
    verified = deployed.run("verify", f"--evidence={folder}", signing, "--rules=cis")
    verified.assert_proven()
    assert f"evidence: {folder}: " in verified.output
    report = json.loads((folder / "report.json").read_text())
    assert (report["command"], report["exit_status"]) == ("verify", 0)
    assert report["hosts"][0]["findings"] == verified.report["findings"]
    (host,) = (folder / "hosts").iterdir()
    assert (host / "tracking.txt").read_text().count(",") == 13
    digests = re.findall(r"(?m)^(\S+)  \S+/chrony\.keys$", (host / "site.staged.txt").read_text())
    assert set(digests) == {"(hidden)"}, "a password can be guessed from the digest of a key file"
    (judged,) = json.loads((folder / "rules.json").read_text())["sets"][0]["hosts"].values()
    outcomes = {rule["id"]: rule["outcome"] for rule in judged}
    assert outcomes == {
        "2.3.1.1": "holds",
        "2.3.2.1": "cannot hold",
        "2.3.2.2": "cannot hold",
        "2.3.3.1": "holds",
        "2.3.3.2": "holds",
        "2.3.3.3": "holds",
    }
    subprocess.run(["sha256sum", "--quiet", "--check", "SHA256SUMS"], cwd=folder, check=True)
    # test_the_secret_is_nowhere_on_this_machine_but_in_the_key_file looks into the folder, too.
    command = deployed.operator.run_plainly("verify", f"--check-evidence={folder}", certificate)
    assert (command.status, "; signed by " in command.output) == (0, True), command
    (host / "tracking.txt").write_text("altered")
    refused = deployed.operator.run_plainly("verify", f"--check-evidence={folder}")
    assert (refused.status, f"altered: hosts/{host.name}/tracking.txt" in refused.errors) == (1, True)


def test_status_shows_tracking_and_sources(deployed: Deployed) -> None:
    status = deployed.run("status")
    assert status.status == 0, status
    source = sandbox.time_source(say=pytest.fail)
    assert f"  reference   {source}, stratum 2, leap normal" in status.output
    (seen,) = status.report["status"]["sources"]
    assert (seen["address"], seen["state"], seen["authentication"]) == (source, "selected", "none")
    assert status.report["status"]["clock"]["synchronised"]


def test_metrics_the_plugin_and_json_say_the_same(deployed: Deployed, tmp_path: Path) -> None:
    file = tmp_path / "chrony.prom"
    plugin = deployed.run("status", "--nagios", f"--metrics={file}")
    assert (plugin.status, plugin.errors) == (0, "")
    assert OUTPUT.fullmatch(plugin.output.rstrip("\n"))
    assert file.stat().st_mode & 0o777 == 0o644
    families = list(text_string_to_metric_families(file.read_text()))
    values = {sample.name: sample.value for family in families for sample in family.samples}
    clock, server = plugin.report["status"]["clock"], plugin.report["status"]["server"]
    assert values["chrony_up"] == 1
    assert values["chrony_tracking_stratum"] == clock["stratum"]
    assert values["chrony_tracking_root_delay_seconds"] == clock["root_delay_seconds"]
    assert -values["chrony_tracking_system_time_seconds"] == clock["offset_seconds"]
    assert values["chrony_serverstats_ntp_packets_received_total"] == server["ntp_received"]
    (source,) = plugin.report["status"]["sources"]
    assert values["chrony_sourcestats_samples"] == source["statistics"]["samples"] > 0
    assert values["chrony_sources_peer_delay_seconds"] == source["measurement"]["delay_seconds"] > 0
    assert f" offset={clock['offset_seconds']:.9f}s;;-0.050000000:0.050000000 " in plugin.output
    assert f" stratum={clock['stratum']};;;0\n" in plugin.output


def test_build_of_an_existing_build_compiles_nothing(deployed: Deployed) -> None:
    before = (pid(deployed.host), files_of(deployed.host))
    build = deployed.run("build")
    assert (build.status, build.changed) == (0, {})
    assert (pid(deployed.host), files_of(deployed.host)) == before


def test_the_report_in_json_equals_the_printed_one(deployed: Deployed) -> None:
    assert len(deployed.first.report["findings"]) > 1
    for finding in deployed.first.report["findings"]:
        assert finding_text(Finding(**finding)) in deployed.first.output


def test_the_secret_is_nowhere_on_this_machine_but_in_the_key_file(deployed: Deployed) -> None:
    secret = hex_of_key(deployed)
    assert_nowhere(secret, deployed.first.output, deployed.first.errors, json.dumps(deployed.first.reports))
    assert_nowhere(secret, *(path for path in deployed.operator.home.iterdir() if path.name != "config"))
    assert list(deployed.operator.logs.iterdir()) != []
    assert [path.name for path in deployed.operator.key_file.parent.iterdir()] == ["chrony.keys"]


def test_the_secret_was_in_no_argument_list(deployed: Deployed) -> None:
    assert any("make" in line for line in deployed.arguments), "the build was not seen"
    assert any("chronyd -U -u root -Q" in line for line in deployed.arguments), "the proof was not seen"
    assert_nowhere(hex_of_key(deployed), *deployed.arguments)


def test_the_secret_is_nowhere_on_the_host_but_in_files_that_chronyd_alone_reads(deployed: Deployed) -> None:
    secret = hex_of_key(deployed)
    file = f"/opt/chrony/generations/{current(deployed.host)}/chrony.keys"
    assert holders(deployed.host, secret) == [f"{file} 0640 root:_chrony"]
    # The journal may be compressed on disk.
    assert_nowhere(secret, journal(deployed.host))


def test_others_on_the_host_can_write_nothing_and_gain_nothing(deployed: Deployed) -> None:
    find = "find /opt/chrony /usr/local/bin /usr/local/sbin /etc/chrony /etc/systemd/system/chronyd.service"
    assert login(deployed.host, f"{find} ! -type l -perm /022") == ""
    assert login(deployed.host, f"{find} ! -user root") == ""
    assert login(deployed.host, f"{find} -perm /6000") == ""
    assert login(deployed.host, "getcap -r /opt/chrony 2>/dev/null || true") == ""


def test_chronyd_runs_as_its_own_user_in_folders_of_its_own(deployed: Deployed) -> None:
    assert login(deployed.host, f"stat -c %U /proc/{pid(deployed.host)}").strip() == "_chrony"
    owners = login(deployed.host, "stat -c '%n %a %U' /var/lib/chrony /var/log/chrony /run/chrony")
    assert owners.splitlines() == [f"/{name}/chrony 750 _chrony" for name in ("var/lib", "var/log", "run")]


def test_the_usual_paths_lead_to_the_running_build(deployed: Deployed) -> None:
    assert "version 4.9 " in login(deployed.host, "chronyc --version; chronyd --version")
    exposed = login(deployed.host, "systemd-analyze security chronyd.service | tail -n 1")
    assert float(exposed.split(": ")[1].split()[0]) <= 2.5, "chrony's own unit for servers has 3.9"


def test_the_build_left_nothing_behind(deployed: Deployed) -> None:
    assert work_folders(deployed.host) == []
    assert len(builds(deployed.host)) == 1
    assert login(deployed.host, "ls -A /tmp | grep -v '^systemd-private\\|^\\.' || true") == ""


def test_packaged_files_are_their_packages_own(deployed: Deployed) -> None:
    # debootstrap's minimal Debian changed nothing, either.
    assert login(deployed.host, "dpkg -V") == ""


def test_other_networks_are_denied(deployed: Deployed) -> None:
    conf = (deployed.host.root / "opt/chrony/current/chrony.conf").read_text()
    allowed = [line.split()[1] for line in conf.splitlines() if line.startswith("allow ")]
    assert allowed
    assert "Access denied" in login(deployed.host, "chronyc accheck 192.0.2.1")
    assert "Access denied" in login(deployed.host, "chronyc accheck 2001:db8::1")
    assert not any(ip_address(network.split("/")[0]).is_global for network in allowed)
