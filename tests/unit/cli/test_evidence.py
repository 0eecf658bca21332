"""``inv verify --evidence`` and ``--check-evidence`` as commands: what is refused, and what is said."""

from pathlib import Path

import pytest

from provision.cli import evidence
from provision.cli.options import VerifyOptions
from provision.common.errors import EvidenceAltered, SiteError, UsageError
from provision.output.audit.folder import EvidenceFolder
from tests.helpers.command_secrets import make_secrets


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be an operator in an empty folder, who can reach no host."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))

    def refuse(*_: object) -> None:
        raise AssertionError("no host is asked here")

    monkeypatch.setattr("provision.fleet.executor.run_on", refuse)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def written(folder: Path) -> Path:
    """Write a folder of evidence."""
    with EvidenceFolder(folder / "evidence") as made:
        made.write([], b"{}")
    return folder / "evidence"


def test_a_folder_as_it_was_written_is_accepted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = written(folder)
    assert evidence.verify(VerifyOptions(check_evidence=place), make_secrets()) == 0
    assert capsys.readouterr().out == f"{place}: 2 files as they were written; not signed\n"


def test_an_altered_folder_is_refused(folder: Path) -> None:
    place = written(folder)
    (place / "report.json").write_text("[]")
    with pytest.raises(EvidenceAltered, match=r"altered: report\.json$"):
        evidence.verify(VerifyOptions(check_evidence=place), make_secrets())


@pytest.mark.parametrize(
    "more", [VerifyOptions(evidence=Path("x")), VerifyOptions(json=Path("r.json")), VerifyOptions(host=("local",))]
)
def test_a_check_goes_with_no_option_of_a_proof(folder: Path, more: VerifyOptions) -> None:
    options = VerifyOptions(check_evidence=folder, evidence=more.evidence, json=more.json, host=more.host)
    with pytest.raises(UsageError, match=r"^--check-evidence asks no host and writes nothing; leave out "):
        evidence.verify(options, make_secrets())


def test_evidence_that_cannot_be_written_is_refused_before_any_host(folder: Path) -> None:
    with pytest.raises(SiteError, match=r"^--evidence .*: cannot be written: No such file or directory$"):
        evidence.verify(VerifyOptions(host=("local",), evidence=folder / "none/x"), make_secrets())
    assert list(folder.iterdir()) == []
