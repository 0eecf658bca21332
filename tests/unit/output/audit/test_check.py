"""Whoever alters a folder of evidence is found out, by the name of the file."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.common.errors import EvidenceAltered
from provision.output.audit.check import check_files, read_signature
from provision.output.audit.folder import EvidenceFolder
from provision.output.audit.manifest import MANIFEST, SIGNATURE
from tests.unit.output.audit.test_folder import answered

TRACKING = "hosts/ntp1/tracking.txt"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Write a folder of evidence about one host."""
    with EvidenceFolder(tmp_path / "evidence", sign=lambda _: b"signature") as folder:
        folder.write([answered("ntp1", tracking="0,0", ports="udp")], b"{}\n")
    return tmp_path / "evidence"


def alter_a_byte(place: Path) -> None:
    data = bytearray((place / TRACKING).read_bytes())
    data[0] ^= 1
    (place / TRACKING).write_bytes(data)


def rename(place: Path) -> None:
    (place / TRACKING).rename(place / "hosts/ntp1/tracks.txt")


def link(place: Path) -> None:
    """Put a link in the place of a file, to the same content."""
    (place / TRACKING).rename(place.parent / "elsewhere")
    (place / TRACKING).symlink_to(place.parent / "elsewhere")


def link_folder(place: Path) -> None:
    """Put a link in the place of a folder, to the same content."""
    (place / "hosts").rename(place.parent / "elsewhere")
    (place / "hosts").symlink_to(place.parent / "elsewhere")


def link_manifest(place: Path) -> None:
    (place / MANIFEST).rename(place.parent / "elsewhere")
    (place / MANIFEST).symlink_to(place.parent / "elsewhere")


def swap(place: Path) -> None:
    """Exchange the digests of two files, as somebody would who can only rename."""
    (place / TRACKING).rename(place / "x")
    (place / "hosts/ntp1/ports.txt").rename(place / TRACKING)
    (place / "x").rename(place / "hosts/ntp1/ports.txt")


def put_folder(place: Path) -> None:
    (place / TRACKING).unlink()
    (place / TRACKING).mkdir()


ALTERATIONS: list[tuple[Callable[[Path], object], str]] = [
    (alter_a_byte, f"altered: {TRACKING}"),
    (lambda place: (place / "report.json").write_text(""), "altered: report.json"),
    (lambda place: (place / TRACKING).unlink(), f"removed: {TRACKING}"),
    (lambda place: (place / "hosts/ntp1/more.txt").touch(), "added: hosts/ntp1/more.txt"),
    (lambda place: (place / ".hidden").touch(), "added: .hidden"),
    (lambda place: (place / "empty").mkdir(), "added: empty"),
    (lambda place: os.mkfifo(place / "pipe"), "added: pipe"),
    (rename, f"removed: {TRACKING}; added: hosts/ntp1/tracks.txt"),
    (swap, f"altered: hosts/ntp1/ports.txt, {TRACKING}"),
    (link, f"altered: {TRACKING}"),
    (link_folder, f"removed: hosts/ntp1/ports.txt, {TRACKING}"),
    (link_manifest, f"altered: {MANIFEST}"),
    (put_folder, f"altered: {TRACKING}"),
    (
        lambda place: (place / MANIFEST).unlink(),
        f"there is no {MANIFEST}: it was removed, or this is no folder of inv verify --evidence",
    ),
    (lambda place: (place / MANIFEST).write_bytes(b"\xff"), f"{MANIFEST} is no text"),
    (lambda place: (place / MANIFEST).write_text("x"), f"{MANIFEST}:1: no digest and path of a file: 'x'"),
]


@pytest.mark.parametrize(("alter", "words"), ALTERATIONS)
def test_an_alteration_is_named(place: Path, alter: Callable[[Path], object], words: str) -> None:
    alter(place)
    with pytest.raises(EvidenceAltered) as caught:
        check_files(place)
    assert str(caught.value) == f"{place}: {words}"
    assert caught.value.exit_status == 1


def test_of_many_alterations_the_first_are_named(place: Path) -> None:
    for number in range(7):
        (place / f"new{number}").touch()
    with pytest.raises(EvidenceAltered, match=r"added: new0, new1, new2, new3, new4 and 2 more$"):
        check_files(place)


def test_a_name_cannot_control_the_terminal(place: Path) -> None:
    (place / "\x1b[2J").touch()
    with pytest.raises(EvidenceAltered, match=r"added: \\x1b\[2J$"):
        check_files(place)


def test_the_signature_is_read(place: Path) -> None:
    assert read_signature(place) == b"signature"
    (place / SIGNATURE).unlink()
    assert read_signature(place) is None
    (place / SIGNATURE).mkdir()
    with pytest.raises(EvidenceAltered, match=f"{SIGNATURE}: "):
        read_signature(place)
