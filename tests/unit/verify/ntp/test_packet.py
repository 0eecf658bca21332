"""NTP packets: the MACs that keys make of them, and the requests that carry them."""

import pytest

from provision.keys import Key
from provision.verify.ntp.packet import digest, has_valid_mac, mac, request, timestamp_of_request

# RFC 4493, section 4: one key, four messages.
RFC_KEY = Key(1, "AES128", bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))
RFC_MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
RFC_DIGESTS = [
    pytest.param(0, "bb1d6929e95937287fa37d129b756746", id="empty"),
    pytest.param(16, "070a16b46b4d4144f79bdd9dd04a287c", id="one block"),
    pytest.param(40, "dfa66747de9ae63030ca32611497c827", id="part of a block"),
    pytest.param(64, "51f0bebf7e3b9d92fc49741779363cfe", id="whole blocks"),
]


@pytest.mark.parametrize(("length", "expected"), RFC_DIGESTS)
def test_aes_cmac_is_that_of_rfc_4493(length: int, expected: str) -> None:
    assert digest(RFC_KEY, RFC_MESSAGE[:length]).hex() == expected


FIPS_MESSAGE = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
FIPS_DIGESTS = [
    ("SHA1", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
    ("SHA256", "248d6a61d20638b8e5c026930c3e6039a33ce459"),
]


@pytest.mark.parametrize(("type_", "expected"), FIPS_DIGESTS)
def test_a_hash_is_that_of_secret_and_header_and_cut_to_20_bytes(type_: str, expected: str) -> None:
    # The message of two blocks in FIPS 180; its beginning serves as the secret.
    assert digest(Key(1, type_, FIPS_MESSAGE[:12]), FIPS_MESSAGE[12:]).hex() == expected


def test_a_mac_begins_with_the_key_id() -> None:
    assert mac(Key(258, "AES128", RFC_KEY.secret), b"").hex() == "00000102" + "bb1d6929e95937287fa37d129b756746"


def test_a_request_has_the_timestamp_by_which_its_answer_is_known_and_the_mac_of_its_header() -> None:
    plain, signed = request(b"a moment", None), request(b"a moment", RFC_KEY)
    assert (len(plain), plain[0], plain[40:]) == (48, 0b00_100_011, b"a moment")
    assert signed == plain + mac(RFC_KEY, plain)
    # A server puts the transmit timestamp of the request into the field for its origin (RFC 5905, 8).
    assert timestamp_of_request(bytes(24) + b"a moment" + bytes(16)) == b"a moment"


def test_the_mac_of_another_secret_or_of_another_header_is_not_valid() -> None:
    answer = request(b"a moment", RFC_KEY)
    assert has_valid_mac(RFC_KEY, answer)
    assert not has_valid_mac(Key(1, "AES128", bytes(16)), answer)
    assert not has_valid_mac(RFC_KEY, b"\x1c" + answer[1:])
    assert not has_valid_mac(RFC_KEY, answer[:48])
