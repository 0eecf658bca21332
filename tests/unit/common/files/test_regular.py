"""Files that somebody else may have made: not regular, too large, or nested without end; each is one line at most."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from provision.build.artifact import noted
from provision.build.artifact_store import ARCHIVE, NOTE, Artifacts
from provision.build.bundle import Bundle
from provision.build.fetch import signature
from provision.build.fetch.places import Folder
from provision.build.fetch.store import Store
from provision.common.errors import FetchError, ParseError, SiteError, StoreError
from provision.common.files import private
from provision.common.files.regular import read_regular
from provision.fleet.retry import Failed
from provision.site.read import read_tree
from tests.helpers.samples import RECIPE

GIGABYTE = 1024**3
DEEP = b"[" * 200_000
RELEASE = RECIPE.chrony
KINDS = ["pipe", "device", "folder", "sparse"]


@pytest.fixture(params=KINDS)
def strange(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What no reader may wait for, or take into memory."""
    path = tmp_path / "strange"
    match request.param:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "sparse":
            with path.open("wb") as file:
                file.truncate(20 * GIGABYTE)
    return path


def test_a_strange_file_is_an_error_of_the_system(strange: Path) -> None:
    with pytest.raises(OSError, match=r"not a regular file|bytes are more than|Is a directory"):
        read_regular(strange, 1000)


def test_a_site_is_a_regular_file(strange: Path) -> None:
    with pytest.raises(SiteError, match=f"^{strange}: cannot be read: "):
        read_tree(strange)


def test_a_key_file_is_a_regular_file(strange: Path) -> None:
    if not strange.is_symlink():
        strange.chmod(0o600)
    with pytest.raises(SiteError, match=f"^{strange}: "):
        private.read(strange)


def test_a_bundle_is_a_regular_file(strange: Path) -> None:
    with pytest.raises(StoreError, match=f"^--bundle {strange}: cannot be read: "):
        Bundle.read(strange)


def test_a_tarball_and_its_signature_are_regular_files(strange: Path) -> None:
    release = RELEASE
    (strange.parent / release.filename).symlink_to(strange)
    (strange.parent / f"{release.filename}.asc").symlink_to(strange)
    folder = Folder(strange.parent)
    for read in (folder.tarball, folder.signature):
        with pytest.raises(FetchError, match=f"cannot read {release.filename}"):
            read(release)
    with pytest.raises(FetchError, match=r"^cannot read .*; remove it$"):
        Store(strange.parent).find(release, print)


def test_an_artifact_is_a_regular_file(strange: Path) -> None:
    place = strange.parent / "name"
    place.mkdir()
    (place / NOTE).write_text("{}")
    (place / ARCHIVE).symlink_to(strange)
    with pytest.raises(StoreError, match=r"^cannot read "):
        Artifacts(strange.parent).find("name", print)


NOTES = [
    pytest.param(DEEP, id="nested without end"),
    pytest.param(b'{"status": 5}', id="a number for a list"),
    pytest.param(b'{"status": [5]}', id="a list of numbers"),
    pytest.param(b"[]", id="a list"),
    pytest.param(b'"\xff"', id="no text"),
    pytest.param(b'{"other": ' + DEEP, id="nested behind a name"),
]


@pytest.mark.parametrize("text", NOTES)
def test_a_note_of_failed_hosts_that_is_damaged_is_none(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "failed.json"
    path.write_bytes(text)
    with pytest.raises(SiteError, match="none of these hosts failed"):
        Failed(path, "status").among([])


@pytest.mark.parametrize("text", NOTES)
def test_a_note_of_an_artifact_that_is_damaged_is_refused(text: bytes) -> None:
    with pytest.raises(ParseError, match="is damaged"):
        noted(RECIPE.name, text, b"")


@pytest.mark.parametrize("text", NOTES)
def test_a_note_of_a_signature_that_is_damaged_says_nothing(text: bytes, tmp_path: Path) -> None:
    (tmp_path / f"{RELEASE.filename}.note.json").write_bytes(text)
    assert Store(tmp_path)._noted(RELEASE) == "not known: the store has no note of it"


def test_a_site_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_bytes(b"a = " + DEEP)
    with pytest.raises(SiteError):
        read_tree(tmp_path / "site.toml")


def archive_with(header: tarfile.TarInfo, data: bytes = b"", **pax: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        header.pax_headers = pax
        header.size = len(data)
        tar.addfile(header, io.BytesIO(data))
    return made.getvalue()


def test_a_sparse_file_in_a_bundle_is_not_read_as_so_many_zeros(tmp_path: Path) -> None:
    name = "sources/chrony-4.9.tar.gz"
    sparse = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": name,
        "GNU.sparse.realsize": str(20 * GIGABYTE),
    }
    path = tmp_path / "bundle.tar"
    # The map of version 1.0: no block at all, so that everything is a hole.
    path.write_bytes(archive_with(tarfile.TarInfo(name), b"0\n".ljust(512, b"\0"), **sparse))
    with pytest.raises(StoreError, match="is larger than the bundle"):
        Bundle.read(path)


def test_a_header_that_says_it_is_long_is_not_believed(tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@PaxHeader")
    header.type = tarfile.XHDTYPE
    header.size = 2 * GIGABYTE
    path = tmp_path / "bundle.tar"
    path.write_bytes(header.tobuf() + b"9 a=b\n".ljust(1024, b"\0"))
    with pytest.raises(StoreError):
        Bundle.read(path)


def test_a_clock_before_the_key_was_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_yet(*_: object) -> bool:
        raise RuntimeError("the certificate is not valid yet\nstack trace")

    monkeypatch.setattr(signature, "_is_good", not_yet)
    monkeypatch.setattr(signature, "_parse", lambda _: (None, b""))
    with pytest.raises(FetchError, match=r"^the signature cannot be checked: the certificate .*clock says [-0-9]+$"):
        signature.check(b"", b"", RELEASE.signer or "")
