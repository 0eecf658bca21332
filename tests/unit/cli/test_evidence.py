"""``inv verify --evidence`` and ``--check-evidence`` as commands: what is refused, and what is said."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pysequoia import Tsk

from provision.cli import evidence
from provision.cli.options import VerifyOptions
from provision.common.errors import EvidenceAltered, RuleBroken, SiteError, UsageError
from provision.fleet.executor import Fleet
from provision.output.audit.folder import EvidenceFolder
from provision.output.audit.manifest import manifest_text
from provision.output.audit.rules import WANTED_CONF
from provision.output.report import Report
from tests.helpers.command_secrets import make_secrets
from tests.helpers.rule_files import rule_file
from tests.helpers.samples import CASES
from tests.unit.output.audit.test_rules import of_client

ENCRYPTED = CASES / "openpgp/encrypted.asc"
"""A secret key that signs nothing but in tests; its passphrase is "correct horse"."""


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


OPTIONS_OF_A_PROOF: list[dict[str, Any]] = [
    {"evidence": Path("x")},
    {"json": Path("r.json")},
    {"junit": Path("r.xml")},
    {"host": ("local",)},
    {"limit": ("ntp1",)},
    {"retry": True},
    {"rules": ("cis",)},
]


@pytest.mark.parametrize("more", OPTIONS_OF_A_PROOF, ids="".join)
def test_a_check_goes_with_no_option_of_a_proof(folder: Path, more: dict[str, Any]) -> None:
    options = replace(VerifyOptions(check_evidence=folder), **more)
    with pytest.raises(UsageError, match=r"^--check-evidence asks no host and writes nothing; it goes "):
        evidence.verify(options, make_secrets())


def test_evidence_that_cannot_be_written_is_refused_before_any_host(folder: Path) -> None:
    with pytest.raises(SiteError, match=r"^--evidence .*: cannot be written: No such file or directory$"):
        evidence.verify(VerifyOptions(host=("local",), evidence=folder / "none/x"), make_secrets())
    assert list(folder.iterdir()) == []


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Write a secret key, and its certificate beside it."""
    made = Tsk.generate("Auditor <auditor@example.org>")
    (tmp_path / "key.asc").write_text(str(made))
    (tmp_path / "cert.asc").write_text(str(made.extract_certificate()))
    return tmp_path / "key.asc"


def test_a_signed_folder_is_verified_with_a_certificate(folder: Path, key: Path) -> None:
    place = folder / "evidence"
    with evidence.open_folder(VerifyOptions(evidence=place, sign_key=key)) as made:
        said = made.write([], b"{}")
    _, _, fingerprint = said.partition("signed by ")
    assert len(fingerprint) == 40
    checked = evidence.check(VerifyOptions(sign_cert=key.with_name("cert.asc")), place)
    assert checked == f"{place}: 2 files as they were written; signed by {fingerprint}"
    assert "the signature was not checked: name the certificate" in evidence.check(VerifyOptions(), place)
    (place / "report.json").write_text("[]")
    (place / "SHA256SUMS").write_text(
        manifest_text({name: (place / name).read_bytes() for name in ("report.json", "hosts.json")})
    )
    with pytest.raises(EvidenceAltered, match=r"SHA256SUMS\.asc is no signature of SHA256SUMS"):
        evidence.check(VerifyOptions(sign_cert=key.with_name("cert.asc")), place)


def test_the_passphrase_comes_from_a_file_or_the_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "passphrase").write_text("correct horse\nof a key of no use\n")
    place = folder / "evidence"
    options = VerifyOptions(evidence=place, sign_key=ENCRYPTED, sign_passphrase=folder / "passphrase")
    with evidence.open_folder(options) as made:
        assert "signed by " in made.write([], b"{}")
    with pytest.raises(SiteError, match=r"it has a passphrase, and none was typed; --sign-passphrase names a file$"):
        evidence.open_folder(VerifyOptions(evidence=folder / "x", sign_key=ENCRYPTED))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("provision.cli.evidence.read_without_echo", lambda *_: "correct horse")
    assert evidence.open_folder(VerifyOptions(evidence=folder / "x", sign_key=ENCRYPTED)) is not None


def test_a_passphrase_that_cannot_be_read_is_refused_and_not_quoted(folder: Path) -> None:
    path = folder / "passphrase"
    for data, words in ((b"\xff\xfe", "is no text in UTF-8"), (b"x" * 5000, "cannot be read: 5000 bytes are more")):
        path.write_bytes(data)
        with pytest.raises(SiteError, match=rf"^--sign-passphrase {path}: {words}"):
            evidence.open_folder(VerifyOptions(evidence=folder / "x", sign_key=ENCRYPTED, sign_passphrase=path))


NO_FOLDER = "--sign-key and --sign-passphrase sign the evidence; name its folder with --evidence"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (VerifyOptions(sign_cert=Path("c")), "--sign-cert is for --check-evidence; sign with --sign-key"),
        (VerifyOptions(rules=("cis",)), "--rules judges rules in the evidence; name its folder with --evidence"),
        (VerifyOptions(sign_key=Path("k")), NO_FOLDER),
        (VerifyOptions(sign_passphrase=Path("p")), NO_FOLDER),
        (
            VerifyOptions(evidence=Path("x"), sign_passphrase=Path("p")),
            "--sign-passphrase opens the key of --sign-key; name its file, too",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused_before_any_host(options: VerifyOptions, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        evidence.verify(options, make_secrets())
    assert str(caught.value) == words


def test_a_key_that_cannot_sign_is_refused_before_any_host(folder: Path, key: Path) -> None:
    options = VerifyOptions(host=("local",), evidence=folder / "x", sign_key=key.with_name("cert.asc"))
    with pytest.raises(SiteError, match=r"^--sign-key .*: no secret key in it can sign"):
        evidence.verify(options, make_secrets())
    assert list(folder.iterdir()) == []


def test_rules_are_part_of_the_evidence(folder: Path) -> None:
    with evidence.open_folder(VerifyOptions(evidence=folder / "evidence", rules=("cis", "stig"))) as made:
        made.write([], b"{}")
    assert (folder / "evidence/rules.md").read_text().count("# ") == 2
    assert "rules.json" in (folder / "evidence/SHA256SUMS").read_text()


def test_rules_that_name_a_check_that_there_is_not_are_refused_before_any_host(folder: Path) -> None:
    Path("house.toml").write_text(rule_file("The clock is right", 'findings = ["clock.syncronised"]'))
    options = VerifyOptions(host=("local",), evidence=folder / "x", rules=("house.toml",))
    words = (
        "--rules house.toml: rule 'The clock is right': there is no check 'clock.syncronised'; did you mean "
        "'clock.synchronised'? (docs/checks.md lists them)"
    )
    with pytest.raises(SiteError, match=f"^{re.escape(words)}$"):
        evidence.verify(options, make_secrets())
    assert not (folder / "x").exists()


def test_rules_that_cannot_be_read_are_refused_before_any_host(folder: Path) -> None:
    options = VerifyOptions(host=("local",), evidence=folder / "x", rules=("none.toml",))
    with pytest.raises(SiteError, match=r"^--rules none\.toml: there is no such file"):
        evidence.verify(options, make_secrets())
    assert list(folder.iterdir()) == []


def test_a_check_that_is_refused_replaces_the_report_of_an_earlier_command(folder: Path) -> None:
    (folder / "r.json").write_text("of yesterday")
    with pytest.raises(UsageError):
        evidence.verify(VerifyOptions(check_evidence=folder, json=folder / "r.json"), make_secrets())
    assert "--check-evidence asks no host" in (folder / "r.json").read_text()


NO_COMMANDS = rule_file("No commands from the network", 'directives = ["cmdport 0"]')


@pytest.mark.parametrize(("conf", "status"), [("port 0\n", 1), ("cmdport 0\n", 0)])
def test_a_rule_that_does_not_hold_is_an_exit_status_of_1_in_each_report(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], conf: str, status: int
) -> None:
    report = of_client()
    report.tried = True
    report.answers[WANTED_CONF] = conf

    def run(*_: object, keep: Callable[[list[Report]], None], **__: object) -> list[Report]:
        keep([report])
        return [report]

    monkeypatch.setattr(Fleet, "run", run)
    (folder / "house.toml").write_text(NO_COMMANDS)
    options = VerifyOptions(
        host=("local",), evidence=folder / "e", rules=("house.toml", "house.toml"), json=folder / "r.json"
    )
    if status:
        with pytest.raises(RuleBroken, match=r"^--rules: does not hold: 7 on c1; rules\.md in the evidence says why$"):
            evidence.verify(options, make_secrets())
    else:
        assert evidence.verify(options, make_secrets()) == 0
    documents = [json.loads(path.read_text()) for path in (folder / "r.json", folder / "e/report.json")]
    assert [document["exit_status"] for document in documents] == [status, status]
    assert capsys.readouterr().out.count("rules: Rules of the house: 1 ") == 1
