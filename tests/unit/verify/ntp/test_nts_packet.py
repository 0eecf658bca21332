"""NTP packets with NTS: made and read again, as chronyd made them, and altered at each byte."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.verify.ntp.nts_packet import (
    AUTHENTICATOR,
    COOKIE,
    HEADER,
    PLACEHOLDER,
    UNIQUE_IDENTIFIER,
    NtsKeys,
    NtsReply,
    Reply,
    fields,
    pack_field,
    read_reply,
    request,
)
from tests.helpers.booted_hosts import ROOT
from tests.helpers.nts_answers import answer

KEYS = NtsKeys(bytes(range(32)), bytes(range(32, 64)))
IDENTIFIER = bytes(range(100, 132))
TIME = b"\x24\x01" + bytes(HEADER - 2)
PACKET = TIME + pack_field(UNIQUE_IDENTIFIER, IDENTIFIER)
NAK = b"\xe4\x00" + bytes(10) + b"NTSN" + bytes(32) + pack_field(UNIQUE_IDENTIFIER, IDENTIFIER)
CHRONYD = {
    name: bytes.fromhex(text)
    for name, text in json.loads((ROOT / "tests/cases/nts/chrony-4.9.json").read_text()).items()
}
COOKIES = st.lists(st.binary(min_size=12, max_size=200).map(lambda body: body + bytes(-len(body) % 4)), max_size=8)


def test_an_answer_of_chronyd_is_read() -> None:
    keys = NtsKeys(CHRONYD["to_server"], CHRONYD["to_client"])
    found = read_reply(CHRONYD["answer"], CHRONYD["identifier"], keys)
    assert found is not None
    assert (found.reply, [len(cookie) for cookie in found.cookies]) == (Reply.AUTHENTICATED, [100, 100])
    assert read_reply(CHRONYD["nak"], CHRONYD["identifier"], keys) == NtsReply(Reply.NAK)
    swapped = NtsKeys(CHRONYD["to_client"], CHRONYD["to_server"])
    assert read_reply(CHRONYD["answer"], CHRONYD["identifier"], swapped) == NtsReply(Reply.INVALID)


@given(cookies=COOKIES)
def test_what_a_server_answers_is_read_again(cookies: list[bytes]) -> None:
    data = answer(PACKET, KEYS, tuple(cookies))
    assert read_reply(data, IDENTIFIER, KEYS) == NtsReply(Reply.AUTHENTICATED, tuple(cookies))


@given(position=st.integers(0, 8 * len(answer(PACKET, KEYS, (bytes(100),))) - 1))
def test_an_altered_bit_is_noticed(position: int) -> None:
    data = bytearray(answer(PACKET, KEYS, (bytes(100),)))
    data[position // 8] ^= 1 << position % 8
    found = read_reply(bytes(data), IDENTIFIER, KEYS)
    assert found is None or found.reply is Reply.INVALID


@given(data=st.binary(max_size=300))
def test_no_packet_of_others_is_taken_for_the_answer(data: bytes) -> None:
    assert read_reply(data, IDENTIFIER, KEYS) is None


@given(junk=st.binary(max_size=64))
def test_an_authenticator_that_is_not_whole_is_not_valid(junk: bytes) -> None:
    data = PACKET + pack_field(AUTHENTICATOR, junk)
    assert read_reply(data, IDENTIFIER, KEYS) == NtsReply(Reply.INVALID)


@given(cookie=st.binary(min_size=1, max_size=300), placeholders=st.integers(0, 7))
def test_a_request_has_the_fields_of_the_rfc_in_their_order(cookie: bytes, placeholders: int) -> None:
    data = request(TIME, IDENTIFIER, cookie, KEYS, placeholders=placeholders)
    found = list(fields(data))
    assert [one.type for one in found] == [UNIQUE_IDENTIFIER, COOKIE, *[PLACEHOLDER] * placeholders, AUTHENTICATOR]
    assert found[1].body.startswith(cookie)
    # A server ignores a placeholder of another length than the cookie's.
    assert {len(one.body) for one in found[1:-1]} == {len(found[1].body)}
    assert data[:HEADER] == TIME


def test_each_request_has_another_nonce() -> None:
    assert request(TIME, IDENTIFIER, bytes(100), KEYS) != request(TIME, IDENTIFIER, bytes(100), KEYS)


def test_a_refusal_counts_only_with_the_identifier_of_the_request() -> None:
    assert read_reply(NAK, IDENTIFIER, KEYS) == NtsReply(Reply.NAK)
    assert read_reply(NAK, bytes(32), KEYS) is None
    assert read_reply(PACKET, IDENTIFIER, KEYS) == NtsReply(Reply.INVALID)


def test_a_reader_of_keys_and_cookies_sees_none() -> None:
    assert "cookies" not in repr(NtsReply(Reply.AUTHENTICATED, (b"secret",)))
    assert repr(KEYS) == "NtsKeys()"


@pytest.mark.parametrize("body", [b"", b"1", bytes(12), bytes(13)])
def test_a_field_is_filled_up(body: bytes) -> None:
    data = pack_field(COOKIE, body)
    assert len(data) % 4 == 0
    assert len(data) >= 16
    assert [one.body for one in fields(data, 0)] == [data[4:]]
