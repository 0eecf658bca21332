"""Requests with NTS to a server of this process, which makes its cookies as chronyd does."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from threading import Thread

import pytest

from provision.keys.nts_keys import make_server_keys
from provision.verify.ntp import nts_client
from provision.verify.ntp.key_exchange import KeyExchange, KeyExchanges, Stage
from provision.verify.ntp.nts_client import Outcome, ask_with_nts
from provision.verify.ntp.nts_packet import (
    COOKIE,
    PLACEHOLDER,
    UNIQUE_IDENTIFIER,
    NtsKeys,
    fields,
    pack_field,
)
from tests.helpers.nts_answers import answer

KEYS = NtsKeys(bytes(range(32)), bytes(range(32, 64)))
COOKIES = tuple(bytes([number]) * 100 for number in range(8))
FRESH = tuple(bytes([number]) * 100 for number in range(8, 12))
Answer = Callable[[bytes], bytes | None]


def header(stratum: int, request: bytes, kiss: bytes = b"\x7f\x7f\1\1") -> bytes:
    return b"\x24" + bytes([stratum]) + bytes(10) + kiss + bytes(8) + request[40:48] + bytes(16)


def identified(stratum: int, request: bytes, kiss: bytes = b"\x7f\x7f\1\1") -> bytes:
    (identifier,) = (one.body for one in fields(request) if one.type == UNIQUE_IDENTIFIER)
    return header(stratum, request, kiss) + pack_field(UNIQUE_IDENTIFIER, identifier)


def good(request: bytes) -> bytes:
    """Answer as a good server does."""
    types = [one.type for one in fields(request)]
    (cookie,) = (one.body for one in fields(request) if one.type == COOKIE)
    if cookie not in COOKIES + FRESH:
        return refused(request)
    return answer(identified(1, request), KEYS, FRESH[: 1 + types.count(PLACEHOLDER)])


def refused(request: bytes) -> bytes:
    return identified(0, request, b"NTSN")


def credulous(request: bytes) -> bytes:
    """Answer each cookie, and give none."""
    return answer(identified(1, request), KEYS)


def another_key(request: bytes) -> bytes:
    return answer(identified(1, request), NtsKeys(KEYS.to_client, KEYS.to_server))


@contextmanager
def server(make: Answer) -> Iterator[int]:
    """Answer NTP requests with what ``make`` makes of them, until an empty packet; yield the port."""
    with socket.socket(type=socket.SOCK_DGRAM) as listening, socket.socket(type=socket.SOCK_DGRAM) as ending:
        listening.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                data, sender = listening.recvfrom(4096)
                if not data:
                    return
                made = make(data)
                if made is not None:
                    listening.sendto(made, sender)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        ending.sendto(b"", listening.getsockname())
        thread.join()


@pytest.fixture
def exchanged(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what lets a key exchange succeed, with the port for NTP packets."""

    def exchange(port: int) -> None:
        done = KeyExchange(stage=Stage.DONE, cookies=COOKIES, keys=KEYS, ntp_port=port)
        monkeypatch.setattr(nts_client, "exchange_keys", lambda *_, **__: KeyExchanges(right=done))

    return exchange


Exchanged = Callable[[int], None]


def ask(make: Answer, exchanged: Exchanged) -> nts_client.NtsRequests:
    with server(make) as port:
        exchanged(port)
        found = ask_with_nts("127.0.0.1", 4460, name="ntp1.example", authority="pem")
    assert found.requests is not None
    return found.requests


def test_a_good_server_answers_gives_fresh_cookies_and_refuses_an_altered_one(exchanged: Exchanged) -> None:
    found = ask(good, exchanged)
    assert (found.first.outcome, found.first.cookies) == (Outcome.AUTHENTICATED, FRESH[:2])
    assert found.first.answer is not None
    assert found.first.answer.stratum == 1
    assert found.fresh is not None
    assert (found.fresh.outcome, found.fresh.cookies) == (Outcome.AUTHENTICATED, FRESH[:1])
    assert found.altered is not None
    assert found.altered.outcome is Outcome.NAK


def test_a_cookie_of_each_shared_key_is_tried(exchanged: Exchanged, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = make_server_keys(date(2026, 11, 28))
    monkeypatch.setattr(nts_client, "cookie_of", lambda key, _: COOKIES[key.id % 4 + 1])
    monkeypatch.setattr(nts_client, "key_of", lambda cookie, keys, _: keys.current if cookie == COOKIES[0] else None)
    with server(lambda request: refused(request) if COOKIES[4] in request else good(request)) as port:
        exchanged(port)
        found = ask_with_nts("127.0.0.1", 4460, name="ntp1.example", authority="pem", shared_keys=shared).requests
    assert found is not None
    assert found.shared_keys is not None
    assert found.shared_keys.made_with == shared.current
    outcomes = [Outcome.AUTHENTICATED] * 3 + [Outcome.NAK]
    assert found.shared_keys.accepted == tuple(zip(shared.keys, outcomes, strict=True))


def test_after_a_silence_no_further_shared_key_is_tried(exchanged: Exchanged, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = make_server_keys(date(2026, 11, 28))
    monkeypatch.setattr(nts_client, "PATIENCE", 0.1)
    monkeypatch.setattr(nts_client, "cookie_of", lambda key, _: COOKIES[key.id % 4 + 1])
    with server(lambda request: None if COOKIES[2] in request else good(request)) as port:
        exchanged(port)
        found = ask_with_nts("127.0.0.1", 4460, name="ntp1.example", authority="pem", shared_keys=shared).requests
    assert found is not None
    assert found.shared_keys is not None
    assert [outcome for _, outcome in found.shared_keys.accepted] == [Outcome.AUTHENTICATED, Outcome.SILENT]


@pytest.mark.parametrize(
    ("make", "outcome"),
    [
        pytest.param(refused, Outcome.NAK, id="refused"),
        pytest.param(another_key, Outcome.INVALID, id="another key"),
        pytest.param(lambda request: identified(1, request), Outcome.INVALID, id="no authenticator"),
        pytest.param(lambda one: answer(identified(0, one, b"RATE"), KEYS), Outcome.WITHOUT_TIME, id="kiss-o'-death"),
    ],
)
def test_after_a_first_request_without_success_nothing_else_is_asked(
    make: Answer, outcome: Outcome, exchanged: Exchanged
) -> None:
    found = ask(make, exchanged)
    assert (found.first.outcome, found.fresh, found.altered) == (outcome, None, None)


def test_a_server_that_reads_no_cookie_is_noticed(exchanged: Exchanged) -> None:
    found = ask(credulous, exchanged)
    assert (found.first.cookies, found.fresh) == ((), None)
    assert found.altered is not None
    assert found.altered.outcome is Outcome.AUTHENTICATED


def test_a_lost_request_is_repeated_with_another_cookie(exchanged: Exchanged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nts_client, "PATIENCE", 0.1)
    seen: list[bytes] = []

    def late(request: bytes) -> bytes | None:
        seen.extend(one.body for one in fields(request) if one.type == COOKIE)
        if len(seen) == 1:
            return None
        return good(request)

    assert ask(late, exchanged).first.outcome is Outcome.AUTHENTICATED
    assert len(set(seen[:2])) == 2


def test_silence_is_an_outcome(exchanged: Exchanged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nts_client, "PATIENCE", 0.01)
    assert ask(lambda _: None, exchanged).first.outcome is Outcome.SILENT
    # Answers to others, and packets that are none.
    assert ask(lambda request: answer(header(1, request), KEYS), exchanged).first.outcome is Outcome.SILENT
    assert ask(lambda _: b"?", exchanged).first.outcome is Outcome.SILENT


def test_a_closed_port_is_an_outcome(exchanged: Exchanged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nts_client, "PATIENCE", 0.01)
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    exchanged(port)
    found = ask_with_nts("127.0.0.1", 4460, name="ntp1.example", authority="pem").requests
    assert found is not None
    assert (found.first.outcome, found.first.words) == (Outcome.SILENT, "connection refused")


def test_without_cookies_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = KeyExchanges(right=KeyExchange(stage=Stage.REFUSED, words="connection refused"))
    monkeypatch.setattr(nts_client, "exchange_keys", lambda *_, **__: failed)
    found = ask_with_nts("127.0.0.1", 4460, name="ntp1.example", authority="pem")
    assert (found.exchanges, found.requests) == (failed, None)
