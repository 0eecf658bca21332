"""An artifact: the same build is the same bytes, and nothing else is one."""

import gzip
import io
import json
import stat
import tarfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.build.artifact import check, pack
from provision.common.errors import ParseError
from tests.helpers.build_archives import ARTIFACT, CHRONYC, FILES, entries, folder, packed_as
from tests.helpers.samples import RECIPE, SYSTEM_NETTLE


def test_the_same_files_are_the_same_bytes() -> None:
    other = folder(dict(reversed(FILES.items())), mtime=1795413647, uid=61184)
    assert pack(RECIPE, other, checked=False, host="ntp1", seconds=41.2).archive == ARTIFACT.archive


def test_what_is_packed_are_files_that_anybody_may_read_and_programs_that_anybody_may_run() -> None:
    with tarfile.open(fileobj=io.BytesIO(ARTIFACT.archive)) as tar:
        assert {entry.name: stat.filemode(entry.mode)[1:] for entry in tar} == {
            name: "rwxr-xr-x" if "bin/" in name else "rw-r--r--" for name in FILES
        }


def link(name: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/shadow"
        tar.addfile(entry)
    return made.getvalue()


GOOD = entries(FILES)
PACKED_OTHERWISE = [
    pytest.param(packed_as(*GOOD, ("lib/evil.so", b"evil", 0o644)), "this has 'lib/evil.so'", id="a file too many"),
    pytest.param(packed_as(*GOOD, ("sbin/chronyd", b"evil", 0o755)), "this has 'sbin/chronyd'", id="a file twice"),
    pytest.param(packed_as(*GOOD, ("./sbin//chronyd", b"", 0o755)), "this has", id="a file by two names"),
    pytest.param(packed_as(("bin/chronyc", CHRONYC, 0o4755)), "this has 'bin/chronyc'", id="setuid"),
    pytest.param(packed_as(("bin/chronyc", CHRONYC, 0o2755)), "this has 'bin/chronyc'", id="setgid"),
    pytest.param(packed_as(*((name, data, 0o777) for name, data, _ in GOOD)), "is not packed", id="other modes"),
    pytest.param(packed_as(*reversed(GOOD)), "is not packed as builds are", id="another order"),
    pytest.param(packed_as(*GOOD) + packed_as(("etc/x", b"", 0o644)), "is not packed", id="a second archive behind"),
    pytest.param(packed_as(*GOOD, format_=tarfile.GNU_FORMAT), "is not packed", id="another format"),
]


@pytest.mark.parametrize(("content", "words"), PACKED_OTHERWISE)
def test_an_artifact_has_only_the_files_of_a_build_packed_in_the_one_way(content: bytes, words: str) -> None:
    check(replace(ARTIFACT, archive=gzip.compress(packed_as(*GOOD))), RECIPE)
    with pytest.raises(ParseError, match=words):
        check(replace(ARTIFACT, archive=gzip.compress(content)), RECIPE)


OTHER = [
    pytest.param(folder({**FILES, "receipt.json": b"{}"}), "holds the build of another recipe", id="another receipt"),
    pytest.param(folder({"sbin/chronyd": b""}), "is no build: it has no file libraries", id="no libraries"),
    pytest.param(folder({**FILES, "receipt.json": b""}), "holds the build of another recipe", id="no receipt"),
    pytest.param(folder({**FILES, "sbin/chronyd": b"evil"}), "has other programs than those", id="another program"),
    pytest.param(folder({**FILES, "sha256sums": b"\xff\n"}), "has other programs than those", id="no digests"),
    pytest.param(folder({"x": b""}, prefix="../"), "this has '../", id="a way out"),
    pytest.param(folder({"x": b""}, prefix="/etc/"), "this has '/etc/", id="an absolute path"),
    pytest.param(link("x"), "this has 'x'", id="a link"),
    pytest.param(b"no archive", "no archive of a build", id="no archive"),
    pytest.param(folder()[:1900], "no archive of a build", id="cut off"),
]


@pytest.mark.parametrize(("made", "words"), OTHER)
def test_the_artifact_of_another_build_is_refused(made: bytes, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        pack(RECIPE, made, checked=False, host="ntp1", seconds=41.2)


def test_an_artifact_is_checked_against_its_recipe() -> None:
    check(ARTIFACT, RECIPE)
    with pytest.raises(ParseError, match="another recipe"):
        check(ARTIFACT, SYSTEM_NETTLE)


@given(st.integers(0, len(ARTIFACT.archive) - 1), st.integers(1, 255))
def test_no_damage_is_more_than_a_line(at: int, flip: int) -> None:
    data = bytearray(ARTIFACT.archive)
    data[at] ^= flip
    damaged = replace(ARTIFACT, archive=bytes(data))
    try:
        check(damaged, RECIPE)
    except ParseError as error:
        assert "\n" not in str(error)
    else:
        assert damaged.content == ARTIFACT.content, "a header of gzip says what nobody reads"


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provision.build.artifact.MOST_BYTES", 100)
    with pytest.raises(ParseError, match="more than 100 bytes"):
        check(ARTIFACT, RECIPE)


def test_a_note_holds_the_recipe_and_the_platform() -> None:
    assert json.loads(ARTIFACT.note) == {
        "name": RECIPE.name,
        "sha256": ARTIFACT.sha256,
        "checked": False,
        "builders": ["ntp1"],
        "compilation": {
            "platform": RECIPE.platform,
            "releases": ["nettle 3.10.2", "chrony 4.9"],
            "host": "ntp1",
            "seconds": 41.2,
        },
        "packages": ["libc6", "libcap2"],
        "unowned": [],
    }
