"""The manifest: sha256sum reads it, and only it is read back."""

import subprocess
from pathlib import Path

import pytest

from provision.common.errors import ParseError
from provision.output.audit.manifest import MANIFEST, manifest_text, parse_manifest

FILES = {"report.json": b"{}\n", "hosts/ntp1/tracking.txt": b"0,0\n"}
DIGEST = "0" * 64


def test_sha256sum_reads_it(tmp_path: Path) -> None:
    (tmp_path / "hosts/ntp1").mkdir(parents=True)
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / MANIFEST).write_text(manifest_text(FILES))
    command = ["sha256sum", "-c", "--strict", MANIFEST]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert checked.stdout.splitlines() == ["hosts/ntp1/tracking.txt: OK", "report.json: OK"]


def test_it_is_read_back() -> None:
    assert list(parse_manifest(manifest_text(FILES))) == sorted(FILES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "SHA256SUMS:1: no digest"),
        (f"{DIGEST}  ../x\n", "SHA256SUMS:1: no digest"),
        (f"{DIGEST}  /x\n", "SHA256SUMS:1: no digest"),
        (f"{DIGEST}  a\n\n", "SHA256SUMS:2: no digest"),
        (f"{DIGEST}  a\r\n", "SHA256SUMS:1: no digest"),
        (f"{DIGEST} *a\n", "SHA256SUMS:1: no digest"),
        (f"{DIGEST[1:]}  a\n", "SHA256SUMS:1: no digest"),
        (f"{DIGEST}  SHA256SUMS.asc\n", "SHA256SUMS:1: no digest"),
        (f"{DIGEST}  a\n{DIGEST}  a\n", "SHA256SUMS:2: a is listed twice"),
    ],
)
def test_another_text_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_manifest(text)
    assert str(caught.value).startswith(words)
