"""OpenPGP signatures against a pinned signer."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pysequoia import Sig, SignatureMode, Tsk, sign

from provision.build.fetch.signature import check
from provision.chrony.releases import pins
from provision.common.errors import FetchError

EXPIRED = Path(__file__).parents[3] / "cases" / "signatures" / "expired"
"""Made with gpg and its --faked-system-time: a key that expired in 2021, a text, and signatures of it from 2022."""
EXPIRED_KEY = "D99714DEFE613B336874AC73D483A762236AE971"
TEXT = (EXPIRED / "text").read_bytes()

ALICE = Tsk.generate("Alice <alice@example.com>")
MALLORY = Tsk.generate("Mallory <mallory@example.com>")


def signed(data: bytes, key: Tsk) -> bytes:
    return bytes(sign(key.signer(), data, mode=SignatureMode.DETACHED))


def fingerprint(key: Tsk) -> str:
    return str(key.extract_certificate().fingerprint).upper()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder that has Alice's key and Mallory's."""
    for name, key in (("alice", ALICE), ("mallory", MALLORY)):
        (tmp_path / f"{name}.asc").write_text(str(key.extract_certificate()))
    return tmp_path


def test_a_good_signature_names_the_signer(keys: Path) -> None:
    assert (
        check(b"data", signed(b"data", ALICE), fingerprint(ALICE), keys=keys) == f"good, by {fingerprint(ALICE)} Alice"
    )


def test_a_changed_file_is_refused(keys: Path) -> None:
    with pytest.raises(
        FetchError, match=f"^the signature says that it is by {fingerprint(ALICE)}, but it does not fit the file$"
    ):
        check(b"Data", signed(b"data", ALICE), fingerprint(ALICE), keys=keys)


def test_a_good_signature_by_another_key_that_we_know_is_refused(keys: Path) -> None:
    with pytest.raises(
        FetchError, match=f"^the signature is by key [0-9A-F]+, not by the pinned {fingerprint(ALICE)}$"
    ):
        check(b"data", signed(b"data", MALLORY), fingerprint(ALICE), keys=keys)


def test_without_a_copy_of_the_key_nothing_is_claimed(tmp_path: Path) -> None:
    words = check(b"data", signed(b"data", ALICE), fingerprint(ALICE), keys=tmp_path)
    assert words == f"not verified, because there is no copy of key {fingerprint(ALICE)} here"


@pytest.mark.parametrize("signature", [b"", b"<html>Not found</html>", b"\0" * 40, signed(b"data", ALICE)[:150]])
def test_a_file_that_is_no_signature_is_refused(signature: bytes, keys: Path) -> None:
    with pytest.raises(FetchError, match="no OpenPGP signature"):
        check(b"data", signature, fingerprint(ALICE), keys=keys)


def test_a_signature_younger_than_the_copy_of_its_key_is_good_and_dated() -> None:
    words = check(TEXT, (EXPIRED / "text.asc").read_bytes(), EXPIRED_KEY, keys=EXPIRED)
    assert words == f"good, by {EXPIRED_KEY} Expired (our copy of the key expired on 2021-01-01)"


def test_a_changed_file_is_refused_also_when_the_key_expired() -> None:
    with pytest.raises(FetchError, match="does not fit the file"):
        check(TEXT + b" ", (EXPIRED / "text.asc").read_bytes(), EXPIRED_KEY, keys=EXPIRED)


def test_a_signature_over_sha1_is_refused_also_when_the_key_expired() -> None:
    with pytest.raises(FetchError, match="does not fit the file"):
        check(TEXT, (EXPIRED / "text.sha1.asc").read_bytes(), EXPIRED_KEY, keys=EXPIRED)


@settings(max_examples=50)
@given(st.binary(max_size=400))
def test_no_bytes_make_a_signature_good_or_raise_anything_else(signature: bytes) -> None:
    with pytest.raises(FetchError):
        check(TEXT, signature, EXPIRED_KEY, keys=EXPIRED)


@settings(max_examples=50)
@given(st.data())
def test_no_damage_to_a_signature_makes_another_file_good_or_raises_anything_else(data: st.DataObject) -> None:
    signature = bytearray(_dearmored(EXPIRED / "text.asc"))
    for _ in range(data.draw(st.integers(0, 4))):
        signature[data.draw(st.integers(0, len(signature) - 1))] = data.draw(st.integers(0, 255))
    with pytest.raises(FetchError):
        check(TEXT + b" ", bytes(signature), EXPIRED_KEY, keys=EXPIRED)


def _dearmored(path: Path) -> bytes:
    return bytes(Sig.from_file(str(path)))


@pytest.mark.parametrize("name", ["chrony", "nettle"])
def test_the_key_of_the_present_signer_is_in_the_package(name: str) -> None:
    signer = pins(name)[-1].signer
    assert signer is not None
    with pytest.raises(FetchError, match=f"not by the pinned {signer}$"):
        check(b"data", signed(b"data", MALLORY), signer)


def test_the_signature_of_chrony_4_0_is_by_another_key_than_those_of_today() -> None:
    signature = (EXPIRED.parent / "chrony_4.0.orig.tar.gz.asc").read_bytes()
    before, today = pins("chrony")[0].signer, pins("chrony")[-1].signer
    assert before is not None
    assert today is not None
    assert check(b"", signature, before).startswith("not verified")
    with pytest.raises(FetchError, match=f"^the signature is by key {before}, not by the pinned {today}$"):
        check(b"", signature, today)
