"""Asking servers: the answers of the distribution's chronyd."""

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision import keys as keys_module
from provision.keys import Key, Keys
from provision.verify.checks.from_here import key_text, plain_text
from provision.verify.ntp.probe import KeyAnswer, Probe, probe
from tests.helpers.packaged_chronyd import Package, fetch
from tests.helpers.samples import write_keys
from tests.helpers.waiting import await_true

LONG = 20.0
"""Seconds; a probe that waits for so long waits for nothing else, however slow the machine is."""


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
    assert plain_text(seen).startswith("stratum 3, ")
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
            [key_text(answer) for answer in probe(address, ours, port=port, patience=0.1).keys]
            == ["valid MAC", "no answer"]
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
        assert plain_text(seen).startswith("not synchronised itself, ")


def not_answered(seen: Probe) -> str:
    """Assert that nothing came, and return why."""
    assert not seen.answered
    assert seen.keys == tuple(KeyAnswer(id=key.id) for key in KEYS)
    assert not seen.unknown_id_answered
    assert plain_text(seen) == seen.reason
    return seen.reason


def test_a_closed_port_refuses_at_once(address: str, port: int) -> None:
    start = time.monotonic()
    assert not_answered(probe(address, KEYS, port=port, patience=LONG)) == "connection refused"
    assert time.monotonic() - start < LONG


@pytest.mark.parametrize("name", ["nowhere.invalid", "x" * 70, "a..b"])
def test_a_name_that_cannot_be_resolved_is_an_error(name: str) -> None:
    assert not_answered(probe(name, KEYS)) == "cannot resolve the name"


def test_no_secret_is_in_the_answer(address: str, port: int) -> None:
    seen = probe(address, KEYS, port=port)
    assert [answer.id for answer in seen.keys] == [key.id for key in KEYS]
    shown = repr(seen)
    assert not any(secret in shown for secret in KEYS.secrets)
