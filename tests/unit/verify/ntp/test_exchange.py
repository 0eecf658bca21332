"""Asking servers that do what chronyd never does, and servers behind a limit."""

import errno
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from provision.keys import Key, Keys
from provision.verify.checks.from_here import key_text
from provision.verify.checks.requests import NOT_AGAIN
from provision.verify.ntp import exchange
from provision.verify.ntp.packet import mac
from provision.verify.ntp.probe import MOST_KEYS, KeyAnswer, probe
from tests.helpers.booted_hosts import ROOT

LONG = 20.0
"""Seconds; a probe that waits for so long waits for nothing else, however slow the machine is."""

# What a server does with a request: the datagrams that it sends back.
Behaviour = Callable[[bytes], list[bytes]]


@contextmanager
def server(behave: Behaviour) -> Iterator[int]:
    """Run a server on 127.0.0.2; gives its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("127.0.0.2", 0))
        port: int = channel.getsockname()[1]

        def serve() -> None:
            while request := channel.recvfrom(1024):
                data, client = request
                if not data:
                    return
                for answer in behave(data):
                    channel.sendto(answer, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
                stop.sendto(b"", ("127.0.0.2", port))
            thread.join()


def header(request: bytes, *, mode: int = 4, stratum: int = 3, reference: bytes = b"\x7f\x00\x00\x01") -> bytes:
    """Return an answer's header: it quotes the request's transmit timestamp."""
    now = struct.pack("!II", int(time.time()) + 2208988800, 0)
    return struct.pack("!BB10x4s8x8s8s8s", 4 << 3 | mode, stratum, reference, request[40:48], now, now)


KEY = Key(1, "SHA1", b"0123456789abcdef")


def well_behaved(request: bytes) -> list[bytes]:
    """Answer as chronyd does."""
    answer = header(request)
    if len(request) == 48:
        return [answer]
    return [answer + mac(KEY, answer)] if request[48:] == mac(KEY, request[:48]) else []


def plain(request: bytes) -> list[bytes]:
    return [header(request)]


def kiss(request: bytes) -> list[bytes]:
    return [header(request, stratum=0, reference=b"RATE")]


def nak(request: bytes) -> list[bytes]:
    return [*well_behaved(request), header(request) + bytes(4)]


def forged(request: bytes) -> list[bytes]:
    return [answer[:-1] + bytes([answer[-1] ^ 1]) if len(answer) > 48 else answer for answer in well_behaved(request)]


def no_answers(request: bytes) -> list[bytes]:
    return [header(bytes(48)), b"", b"x" * 30, request, header(request, mode=3), header(request)[:47]]


def lossy() -> Behaviour:
    """Lose the first request of each length."""
    seen: set[int] = set()

    def behave(request: bytes) -> list[bytes]:
        if len(request) in seen:
            return well_behaved(request)
        seen.add(len(request))
        return []

    return behave


GOOD = KeyAnswer(id=1, answered=True, mac_valid=True)
BEHAVIOURS = [
    pytest.param(well_behaved, True, GOOD, False, id="a good server"),
    pytest.param(lossy(), True, GOOD, False, id="lost requests are sent again"),
    pytest.param(
        plain, True, KeyAnswer(id=1, answered=True, wrong_secret_answered=True), True, id="a server that ignores MACs"
    ),
    pytest.param(forged, True, KeyAnswer(id=1, answered=True), False, id="a MAC with one bit wrong"),
    pytest.param(nak, True, GOOD, False, id="a crypto-NAK is no answer"),
    pytest.param(kiss, False, KeyAnswer(id=1), False, id="a kiss of death is no answer"),
    pytest.param(no_answers, False, KeyAnswer(id=1), False, id="packets that are no answers to us"),
]


@pytest.mark.parametrize(("behave", "answered", "key_answer", "unknown_id_answered"), BEHAVIOURS)
def test_what_a_server_does_is_seen(
    behave: Behaviour,
    *,
    answered: bool,
    key_answer: KeyAnswer,
    unknown_id_answered: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What comes is waited for long enough, and what must not come as briefly as ever.
    monkeypatch.setattr(exchange, "GRACE", LONG if unknown_id_answered else exchange.GRACE)
    with server(behave) as port:
        seen = probe("127.0.0.2", Keys((KEY,)), port=port, patience=0.2, tries=100 if answered else 3)
    assert (seen.answered, seen.keys, seen.unknown_id_answered) == (answered, (key_answer,), unknown_id_answered)


FLEET = Keys(tuple(Key(number, "SHA1", b"0123456789abcdef") for number in range(1, 21)))


def limited(burst: int, per_second: float) -> Behaviour:
    """Answer as chronyd does, behind a limit such as nft's "limit rate", which lets some requests through at once."""
    left, before = float(burst), time.monotonic()

    def behave(request: bytes) -> list[bytes]:
        nonlocal left, before
        now = time.monotonic()
        left, before = min(left + (now - before) * per_second, burst), now
        if left < 1:
            return []
        left -= 1
        answer = header(request)
        right = any(request[48:] == mac(key, request[:48]) for key in FLEET)
        answered = FLEET.keys[int.from_bytes(request[48:52], "big") - 1] if right else None
        return [answer + (mac(answered, answer) if answered else b"")] if right or len(request) == 48 else []

    return behave


LIMITS = [
    pytest.param(5, 10.0, id="ten a second"),
    pytest.param(1, 1.0, id="one a second"),
    pytest.param(3, 0.0, id="few"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("burst", "per_second"), LIMITS)
def test_what_a_limit_drops_is_no_fault_of_a_key(burst: int, per_second: float) -> None:
    with server(limited(burst, per_second)) as port:
        seen = probe("127.0.0.2", FLEET, port=port, patience=0.2)
    assert [key.id for key in seen.keys if not (key.mac_valid or key.limited)] == []
    assert any(key.mac_valid for key in seen.keys)
    assert not any(key.wrong_secret_answered for key in seen.keys)
    assert any(key.wrong_secret_limited for key in seen.keys), "of those not all could be heard"


def test_keys_that_the_server_does_not_have_are_not_called_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    # This server has no limit that a pause would keep to.
    monkeypatch.setattr(exchange, "PAUSE", 0.0)

    def has_three(request: bytes) -> list[bytes]:
        if len(request) > 48 and int.from_bytes(request[48:52], "big") > 3:
            return []
        return limited(1000, 0)(request)

    with server(has_three) as port:
        seen = probe("127.0.0.2", FLEET, port=port, patience=0.2)
    texts = [key_text(key) for key in seen.keys]
    assert texts == ["valid MAC"] * 3 + ["no answer"] * 3 + [NOT_AGAIN] * 14
    assert not any(key.limited or key.wrong_secret_limited for key in seen.keys)
    assert sum(key.wrong_secret_not_again for key in seen.keys) + seen.unknown_id_not_again == 18


FEW_DESCRIPTORS = """
import resource, socket
from provision.keys import Key, Keys
from provision.verify.ntp.probe import probe
keys = Keys(tuple(Key(number, "SHA1", b"0123456789abcdef") for number in range(1, 51)))
if WARM:
    probe("127.0.0.2", Keys(()), port=PORT)
spare = socket.socket()
resource.setrlimit(resource.RLIMIT_NOFILE, (spare.fileno() + FREE, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
spare.close()
print(repr(probe("127.0.0.2", keys, port=PORT, patience=0.2)))
"""


@pytest.mark.parametrize(
    ("free", "imported", "answered", "words"),
    [
        pytest.param(1, True, 50, "unsent=''", id="one"),
        pytest.param(0, True, 0, "unsent='too many open files: raise ulimit -n'", id="none for the socket"),
        pytest.param(1, False, 0, "unsent='too many open files: raise ulimit -n'", id="none for a module"),
    ],
)
def test_fifty_keys_take_one_descriptor(free: int, *, imported: bool, answered: int, words: str) -> None:
    with server(plain) as port:
        script = FEW_DESCRIPTORS.replace("FREE", str(free)).replace("PORT", str(port))
        script = script.replace("WARM", str(imported))
        done = subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True)
    assert words in done.stdout
    assert done.stdout.count(" answered=True") == answered


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOBUFS])
def test_a_request_that_this_machine_cannot_send_says_nothing_about_the_server(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(socket.socket):
        def send(self, *_: object) -> int:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(socket, "socket", Refusing)
    seen = probe("127.0.0.2", Keys((KEY,)), port=9, patience=0.1)
    assert seen.unsent == f"{os.strerror(code).lower()}: {exchange.REMEDIES[code]}"
    assert not seen.answered


@pytest.mark.slow
def test_a_wrong_key_among_many_is_found_behind_a_limit() -> None:
    others = Keys((*FLEET.keys[:2], Key(3, "SHA1", b"another secret..")))
    with server(limited(5, 10.0)) as port:
        seen = probe("127.0.0.2", others, port=port, patience=0.2)
    assert [(key.mac_valid, key.limited) for key in seen.keys] == [(True, False), (True, False), (False, False)]


@pytest.mark.slow
def test_of_a_fleets_keys_a_sample_is_tried() -> None:
    fleet = Keys(tuple(Key(n, "AES128", n.to_bytes(16, "big")) for n in range(1, 100_001)))
    with server(plain) as port:
        seen = probe("127.0.0.2", fleet, port=port, patience=LONG, tries=1)
    assert seen.answered
    assert (len(seen.keys), seen.left_out) == (MOST_KEYS, 100_000 - MOST_KEYS)
    assert (seen.keys[0].id, seen.keys[-1].id) == (1, 100_000)


def test_an_answer_without_a_valid_mac_is_called_so() -> None:
    with server(forged) as port:
        (answer,) = probe("127.0.0.2", Keys((KEY,)), port=port, patience=LONG).keys
    assert key_text(answer) == "answered, but without a valid MAC"
