"""What is sealed can be read by nobody else, and be nothing else."""
# ruff: noqa: S301 -- what was pickled here

import pickle
from dataclasses import dataclass

import pytest

from provision.common.errors import ParseError
from provision.fleet.encryption import Cipher
from tests.helpers.samples import KEYS, SECRET


@dataclass
class Told:
    text: str


def test_what_was_closed_opens_as_it_was() -> None:
    cipher = Cipher()
    assert cipher.open(cipher.close(Told(KEYS.text), "ntp1"), "ntp1") == Told(KEYS.text)


def test_a_seal_may_be_sent() -> None:
    cipher = Cipher()
    assert pickle.loads(pickle.dumps(cipher)).open(cipher.close(1, "ntp1"), "ntp1") == 1


def test_no_secret_is_in_it_and_none_in_its_repr() -> None:
    cipher = Cipher()
    closed = cipher.close(KEYS, "ntp1")
    for way in (SECRET.encode(), SECRET.lower().encode(), bytes.fromhex(SECRET)):
        assert way not in closed
    assert repr(cipher) == "Cipher()"


def test_equal_texts_have_different_ciphertexts() -> None:
    cipher = Cipher()
    assert len({cipher.close(1, "ntp1") for _ in range(100)}) == 100


SEAL = Cipher()
CLOSED = SEAL.close(1, "ntp1")
WRONG = [
    pytest.param(Cipher(), CLOSED, "ntp1", id="another run's key"),
    pytest.param(SEAL, CLOSED, "ntp2", id="meant for another host"),
    pytest.param(SEAL, CLOSED[:-1] + bytes([CLOSED[-1] ^ 1]), "ntp1", id="changed"),
    pytest.param(SEAL, CLOSED[:9], "ntp1", id="cut off"),
    pytest.param(SEAL, b"", "ntp1", id="nothing"),
]


@pytest.mark.parametrize(("cipher", "data", "about"), WRONG)
def test_anything_else_is_refused(cipher: Cipher, data: bytes, about: str) -> None:
    with pytest.raises(ParseError, match=rf"^{about}: the data was changed"):
        cipher.open(data, about)
