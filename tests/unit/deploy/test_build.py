"""The build of a deployment: compiled once, kept for other hosts, and proven by itself."""

from dataclasses import replace

import pytest

from provision.build.artifact import pack
from provision.common.results import Gate
from provision.deploy.build import build
from provision.deploy.deploy import deploy
from provision.host.transport import Output
from tests.helpers.build_archives import folder as tar_of
from tests.unit.deploy.conftest import FILES, SERVICE, STAGE, Operator, unproven

COMPILE = [
    *("reserve_folder", "build_nettle", "configure_chrony", "build_chrony", "collect_build", "verify_build"),
    *("list_libraries", "finish_build", "pack_build", "place_build"),
]


@pytest.mark.usefixtures("source")
def test_a_build_is_made_once_and_kept_for_other_hosts(operator: Operator) -> None:
    host = operator.host
    host.built, host.packages = False, "gcc make"
    host.downloads = dict.fromkeys(map(str, range(20)), tar_of(FILES))
    host.build_files = FILES
    report = operator.run(deploy)
    assert (report.error, unproven(report)) == (None, [])
    made = [name for name in host.told if name in COMPILE or name == "install packages"]
    assert made == ["install packages", *[name for name in COMPILE if name != "verify_build"]]
    assert host.told[-len(STAGE + SERVICE) :] == STAGE + SERVICE
    kept = operator.artifacts.find(host.recipe.name, print)
    assert kept is not None
    assert kept.files["sbin/chronyd"] == FILES["sbin/chronyd"]

    operator.host = replace(host, name="ntp2", built=False, account=False, staged=[], files={}, told=[], current="")
    other = operator.run(deploy)
    assert (other.error, unproven(other)) == (None, [])
    assert [name for name in operator.host.told if name in {*COMPILE, "unpack_build"}] == [
        "unpack_build",
        "place_build",
    ]


@pytest.mark.usefixtures("source")
def test_an_artifact_that_does_not_work_on_a_host_is_compiled_there_instead(operator: Operator) -> None:
    host = operator.host
    host.built, host.build_files = False, FILES
    artifact = pack(host.recipe, tar_of(FILES), checked=False, host="ntp9", seconds=41.2)
    operator.artifacts.keep(artifact, "{}")
    host.answers["verify_build"] = Output(0, "==> chronyd\nIllegal instruction\n==> end\n")
    report = operator.run(deploy)
    assert report.stopped_at is not None
    assert (report.stopped_at.gate, report.stopped_at.unfit) == (Gate.BUILD, True)
    assert any("does not work on this host" in note and note.endswith("; the host compiles") for note in report.notes)
    assert "place_build" not in host.told
    del host.answers["verify_build"]
    host.downloads = dict.fromkeys(map(str, range(20)), tar_of(FILES))
    again = operator.run(deploy, report)
    assert (again.error, unproven(again)) == (None, [])
    assert "build_chrony" in host.told
    assert "unpack_build" not in host.told


def test_nothing_is_compiled_behind_a_closed_gate(operator: Operator) -> None:
    operator.host.built = False
    operator.open = frozenset({Gate.SWITCH})
    report = operator.run(deploy)
    assert report.stopped_at is not None
    assert (report.stopped_at.gate, report.stopped_at.need) == (Gate.BUILD, operator.host.recipe.name)
    assert operator.host.told == []


def test_a_build_is_proven_and_rehearsed_with_throwaway_keys(operator: Operator) -> None:
    report = operator.run(build)
    assert (report.error, unproven(report)) == (None, [])
    assert operator.host.told == ["workspace", "rehearse"]
    assert {finding.id for finding in report.findings} >= {"build.configure", "build.keygen", "rehearsal.running"}


def test_a_build_that_existed_leaves_its_unit_tests_not_checked(operator: Operator) -> None:
    operator.unit_tests = True
    (finding,) = (one for one in operator.run(build).findings if one.id == "build.unit-tests")
    assert finding.holds is None


@pytest.mark.usefixtures("source")
def test_a_build_that_was_made_has_passed_its_unit_tests(operator: Operator) -> None:
    operator.unit_tests = True
    operator.host.built = False
    operator.host.downloads = operator.built_files()
    (finding,) = (one for one in operator.run(build).findings if one.id == "build.unit-tests")
    assert finding.holds is True
