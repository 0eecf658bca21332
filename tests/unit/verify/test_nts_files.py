"""What the host prints about the files of a certificate, and what is read of a file that has a key as well."""

import subprocess
from pathlib import Path

import pytest

from provision.host import scripts
from provision.verify.nts_files import FilesState, NtsFiles, parse_nts_files
from tests.helpers.certificates import Authority

PAIR = Authority.make().issue("ntp1.example")


def test_a_generation_without_such_files_has_no_section() -> None:
    assert parse_nts_files({"tracking": ""}) is None


def test_the_sections_are_parsed_and_the_reason_is_cut_to_what_matters() -> None:
    words = "TLS handshake with 127.0.0.1:1 (x) failed : The certificate is NOT trusted. The certificate has ended. "
    said = {"nts files": f"certificate=/etc/x.pem\nstate=other\nrefused={words}", "nts served": "PEM"}
    assert parse_nts_files(said) == NtsFiles(
        certificate="/etc/x.pem", state=FilesState.OTHER, refused="The certificate has ended", served="PEM"
    )
    with pytest.raises(ValueError, match="strange"):
        parse_nts_files({"nts files": "certificate=/etc/x.pem\nstate=strange"})


def test_of_a_file_with_certificate_and_key_only_the_certificate_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "both.pem"
    file.write_text(f"{PAIR.key}comment\n{PAIR.certificate}{PAIR.key}")
    script = scripts.load("print_nts_files", str(file), str(file))
    done = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == f"==> key\nthere\n==> chain\n{PAIR.certificate}"
