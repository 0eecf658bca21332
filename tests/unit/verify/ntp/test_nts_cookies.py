"""Cookies as chronyd makes them: with which key one was made, and one of each key."""

import json
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from provision.keys.nts_keys import make_server_keys, parse_server_keys
from provision.verify.ntp.nts_cookies import cookie_of, key_of
from provision.verify.ntp.nts_packet import NtsKeys
from tests.helpers.booted_hosts import ROOT

SHARED = make_server_keys(date(2026, 11, 28))
KEYS = NtsKeys(bytes(range(32)), bytes(range(32, 64)))
COOKIE = cookie_of(SHARED.current, KEYS)


def test_the_key_of_a_cookie_of_chronyd_is_found() -> None:
    case = json.loads((ROOT / "tests/cases/nts/cookie-4.9.json").read_text())
    shared = parse_server_keys(case["ntskeys"], "ntskeys")
    keys = NtsKeys(bytes.fromhex(case["to_server"]), bytes.fromhex(case["to_client"]))
    cookie = bytes.fromhex(case["cookie"])
    assert key_of(cookie, shared, keys) == shared.current
    assert len(cookie_of(shared.current, keys)) == len(cookie)
    assert key_of(cookie, SHARED, keys) is None


def test_the_key_of_each_cookie_is_found() -> None:
    for key in SHARED.keys:
        assert key_of(cookie_of(key, KEYS), SHARED, KEYS) == key


@given(position=st.integers(0, 8 * len(COOKIE) - 1))
def test_an_altered_cookie_is_of_no_key(position: int) -> None:
    altered = bytearray(COOKIE)
    altered[position // 8] ^= 1 << position % 8
    assert key_of(bytes(altered), SHARED, KEYS) is None


@given(cookie=st.binary(max_size=120))
def test_anything_else_is_of_no_key(cookie: bytes) -> None:
    assert key_of(cookie, SHARED, KEYS) is None
    assert key_of(COOKIE[:4] + cookie, SHARED, KEYS) is None


def test_a_cookie_of_another_client_is_none_of_this_one() -> None:
    assert key_of(COOKIE, SHARED, NtsKeys(KEYS.to_client, KEYS.to_server)) is None
