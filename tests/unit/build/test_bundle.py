"""Bundles: what is packed is found again, and nothing is believed because it lies in one."""

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from provision.build.artifact_store import ARCHIVE, NOTE, Artifacts
from provision.build.bundle import Bundle, write
from provision.build.fetch.store import Store
from provision.chrony.releases import Release, find
from provision.common.errors import FetchError, StoreError
from provision.common.files.tar import tar_of
from tests.helpers.build_archives import ARTIFACT
from tests.helpers.samples import RECIPE
from tests.helpers.tarball_places import SIGNATURES

DATA = {"chrony": b"chrony's tarball", "nettle": b"nettle's tarball"}
CHRONY, NETTLE = (
    Release(name=name, version=version, sha256=hashlib.sha256(DATA[name]).hexdigest(), signer=None)
    for name, version in (("chrony", "4.9"), ("nettle", "3.10.2"))
)


class Machine:
    """The stores of a machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "sources")
        self.artifacts = Artifacts(folder / "artifacts")

    def write(self, *releases: Release) -> tuple[Path, list[str]]:
        path = self.folder / "site.bundle"
        return path, list(write(path, releases, self.store, self.artifacts, None, print))

    def unpack(self, bundle: Path, *releases: Release) -> None:
        Bundle.read(bundle).unpack(releases, self.store, self.artifacts)


@pytest.fixture
def here(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "here")
    for release in (CHRONY, NETTLE):
        made.store.keep(release, DATA[release.name], origin="test", signature="good", signed=b"signature")
    made.artifacts.keep(ARTIFACT, "{}")
    return made


@pytest.fixture
def there(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "there")


def test_what_is_packed_is_found_elsewhere(here: Machine, there: Machine) -> None:
    bundle, said = here.write(NETTLE, CHRONY)
    assert said == [
        "nettle 3.10.2; signature: good",
        "chrony 4.9; signature: good",
        f"artifact {RECIPE.name}",
        f"{bundle}: {bundle.stat().st_size} bytes, sha256 {hashlib.sha256(bundle.read_bytes()).hexdigest()}",
    ]
    there.unpack(bundle, NETTLE, CHRONY)
    found = there.store.find(CHRONY, print)
    assert found is not None
    assert found.path.read_bytes() == DATA["chrony"]
    # Its maker may have written any builders into it.
    builder = f"bundle {Bundle.read(bundle).sha256[:12]}"
    assert there.artifacts.find(RECIPE.name, print) == replace(ARTIFACT, builders=(builder,))
    assert there.artifacts.sbom(RECIPE.name) == "{}"
    assert Bundle.read(bundle).signature(NETTLE) == b"signature"


def test_what_a_machine_has_built_itself_stays(here: Machine, there: Machine) -> None:
    bundle, _ = here.write(CHRONY, NETTLE)
    own = replace(ARTIFACT, checked=True)
    there.artifacts.keep(own)
    there.unpack(bundle, CHRONY)
    assert there.artifacts.find(RECIPE.name, print) == own


def test_the_same_is_the_same_bytes(here: Machine) -> None:
    first = here.write(NETTLE, CHRONY)[0].read_bytes()
    assert here.write(CHRONY, NETTLE)[0].read_bytes() == first


def test_artifacts_of_other_releases_stay_at_home(here: Machine) -> None:
    other = replace(CHRONY, version="4.6.1")
    here.store.keep(other, DATA["chrony"], origin="test", signature="good")
    assert here.write(other, NETTLE)[1][2].startswith("no artifact: deploy or build on one host of each platform first")
    # With the distribution's Nettle it is another build.
    assert here.write(CHRONY)[1][1].startswith("no artifact")


def test_a_real_signature_is_verified_again(here: Machine, there: Machine) -> None:
    release = replace(CHRONY, signer=find("chrony", "4.6.1").signer)
    signature = (SIGNATURES / "chrony_4.6.1.orig.tar.gz.asc").read_bytes()
    here.store.keep(release, DATA["chrony"], origin="test", signature="good", signed=signature)
    bundle, _ = here.write(release)
    with pytest.raises(FetchError, match="it does not fit the file; nothing was kept"):
        there.unpack(bundle, release)
    assert there.store.find(release, print) is None


def changed(bundle: Path, files: dict[str, bytes]) -> None:
    bundle.write_bytes(tar_of({**Bundle.read(bundle).files, **files}))


def test_a_tarball_with_another_digest_is_refused(here: Machine, there: Machine) -> None:
    bundle, _ = here.write(CHRONY, NETTLE)
    changed(bundle, {f"sources/{CHRONY.filename}": b"evil"})
    with pytest.raises(FetchError, match=r"chrony 4.9: --bundle .*replace the file, or remove it"):
        there.unpack(bundle, CHRONY)
    assert there.store.find(CHRONY, print) is None


@pytest.mark.parametrize("file", [ARCHIVE, NOTE])
def test_an_artifact_that_is_not_whole_is_refused(file: str, here: Machine, there: Machine) -> None:
    bundle, _ = here.write(CHRONY, NETTLE)
    changed(bundle, {f"artifacts/{RECIPE.name}/{file}": b"evil"})
    with pytest.raises(StoreError, match="is damaged; have it made anew: inv bundle"):
        there.unpack(bundle, CHRONY)
    assert there.artifacts.names() == ()


def test_missing_files_are_named(here: Machine, there: Machine) -> None:
    bundle, _ = here.write(CHRONY)
    with pytest.raises(FetchError, match=rf"{NETTLE.filename}"):
        there.unpack(bundle, NETTLE)


def with_names(*names: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 1
            tar.addfile(entry, io.BytesIO(b"x"))
    return made.getvalue()


def with_link(name: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/shadow"
        tar.addfile(entry)
    return made.getvalue()


NO_BUNDLES = [
    pytest.param(with_link("sources/chrony-4.9.tar.gz"), "nothing in it that we know", id="a link"),
    pytest.param(with_names(f"artifacts/x.lock/{NOTE}"), "nothing in it that we know", id="no name of a build"),
    pytest.param(b"", "is no bundle", id="an empty file"),
    pytest.param(b"x" * 2000, "is no bundle", id="something else"),
    pytest.param(with_names("README"), "nothing in it that we know", id="another archive"),
    pytest.param(with_names("sources/../../etc/passwd", "artifacts/../x/" + NOTE), "nothing in it", id="a way out"),
]


@pytest.mark.parametrize(("data", "words"), NO_BUNDLES)
def test_a_file_that_is_no_bundle_is_an_error_of_one_line(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(StoreError, match=words) as caught:
        Bundle.read(path)
    assert "\n" not in str(caught.value)


def test_a_bundle_that_is_not_there_is_one_line(tmp_path: Path, here: Machine) -> None:
    with pytest.raises(StoreError, match="cannot be read: No such file"):
        Bundle.read(tmp_path / "x")
    with pytest.raises(StoreError, match="cannot be written: not a regular file"):
        list(write(tmp_path, [CHRONY], here.store, here.artifacts, None, print))
