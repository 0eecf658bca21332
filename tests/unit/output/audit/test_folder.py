"""The folder of evidence: its files, who may read them, and that it is written whole or not at all."""

import json
import os
import stat
from pathlib import Path

import pytest

from provision.common.errors import NotRecorded, SiteError
from provision.host.target import Kind, Target
from provision.output.audit.check import check_files
from provision.output.audit.folder import EvidenceFolder, no_evidence
from provision.output.audit.manifest import MANIFEST, SIGNATURE
from provision.output.audit.rules_report import RulesReport
from provision.output.report import Report
from tests.unit.output.audit.test_rules_report import RULES


def answered(host: str, **answers: str) -> Report:
    """Return the report on a host that has answered these questions."""
    return Report(host=Target(text=host, kind=Kind.SSH), answers=answers)


def names(folder: Path) -> list[str]:
    """Return the files below a folder, by their paths."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def test_it_has_the_report_and_the_answers_of_each_host(tmp_path: Path) -> None:
    place = tmp_path / "evidence"
    with EvidenceFolder(place) as folder:
        said = folder.write([answered("ntp1", tracking="0,0", **{"time services": "none\n"})], b"{}\n")
    assert names(place) == [
        MANIFEST,
        "hosts.json",
        "hosts/ntp1/time-services.txt",
        "hosts/ntp1/tracking.txt",
        "report.json",
    ]
    assert said == f"evidence: {place}: 4 files, not signed"
    assert (place / "hosts/ntp1/time-services.txt").read_text() == "none\n"
    assert [path.name for path in tmp_path.iterdir()] == ["evidence"]
    check_files(place)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with EvidenceFolder(tmp_path / "evidence") as folder:
            folder.write([answered("ntp1", tracking="0")], b"{}")
    finally:
        os.umask(before)
    paths = [tmp_path / "evidence", *(tmp_path / "evidence").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}


def test_hosts_with_similar_names_have_folders_of_their_own(tmp_path: Path) -> None:
    hosts = ["a:b", "A/b", "a-b", "..", "é" * 300]
    with EvidenceFolder(tmp_path / "evidence") as folder:
        folder.write([answered(host, ports=host) for host in hosts], b"{}")
    index = json.loads((tmp_path / "evidence/hosts.json").read_text())
    assert list(index) == hosts
    assert [index["a:b"], index["A/b"], index["a-b"], index[".."]] == ["a-b", "A-b-2", "a-b-3", "unnamed"]
    for host, name in index.items():
        assert (tmp_path / "evidence/hosts" / name / "ports.txt").read_text() == f"{host}\n"


def test_further_files_are_written_and_the_manifest_is_signed(tmp_path: Path) -> None:
    place = tmp_path / "evidence"
    rules = RulesReport((RULES,))
    with EvidenceFolder(place, sign=lambda data: data[:4], signer="0f0f", rules=rules) as folder:
        assert folder.write([], b"{}").endswith("4 files, signed by 0f0f")
    assert (place / SIGNATURE).read_bytes() == (place / MANIFEST).read_bytes()[:4]
    assert set(check_files(place)[0]) == {"hosts.json", "report.json", "rules.json", "rules.md"}


def test_an_empty_folder_becomes_the_folder_of_evidence(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir(mode=0o755)
    with EvidenceFolder(tmp_path / "evidence") as folder:
        folder.write([], b"{}")
    assert stat.S_IMODE((tmp_path / "evidence").stat().st_mode) == 0o700


def test_of_a_command_that_fails_nothing_stays(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), EvidenceFolder(tmp_path / "evidence"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_files_that_were_added_in_the_meantime_are_kept(tmp_path: Path) -> None:
    place = tmp_path / "evidence"
    with EvidenceFolder(place) as folder:
        place.mkdir()
        (place / "mine").touch()
        with pytest.raises(NotRecorded, match=r"over, and --evidence .*: cannot be written: Directory not empty"):
            folder.write([], b"{}")
    assert names(tmp_path) == ["evidence/mine"]


def test_a_place_that_cannot_be_written_is_refused_on_entry(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"^--evidence .*: cannot be written: "), EvidenceFolder(tmp_path / "none/x"):
        pass


def test_until_it_is_written_nothing_is_there_that_a_signal_could_leave(tmp_path: Path) -> None:
    with EvidenceFolder(tmp_path / "evidence") as folder:
        assert list(tmp_path.iterdir()) == []
        folder.write([], b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["evidence"]


def test_a_report_in_the_folder_is_refused_before_a_host_is_asked(tmp_path: Path) -> None:
    (tmp_path / "report.json").touch()
    with pytest.raises(SiteError, match=r"is not empty; write reports to another folder$"), EvidenceFolder(tmp_path):
        pytest.fail("the work has begun")


def test_without_a_path_nothing_is_written() -> None:
    with no_evidence() as folder:
        assert not folder.is_wanted
