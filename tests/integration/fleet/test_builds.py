"""Where a build comes from when a host of a site lacks its own: an artifact, another run, or two hosts that agree."""

import gzip
import json
import shutil
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from provision.build.artifact_store import ARCHIVE, NOTE
from tests.helpers.booted_hosts import login
from tests.helpers.build_archives import packed_in_order
from tests.helpers.plans import assert_plan_is_what_was_done
from tests.integration.fleet.conftest import COMPILING, SITE, Hosts

pytestmark = pytest.mark.integration


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
    assert any(
        "does not work on this host" in note and note.endswith("; the host compiles") for note in ran.report["notes"]
    )
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
