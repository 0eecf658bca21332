"""The key exchange of NTS with a server of this process: its certificate, its name, and what it answers."""

import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from provision.verify.ntp import key_exchange
from provision.verify.ntp.key_exchange import KeyExchange, Stage, ends, exchange_keys, read_records, request
from tests.helpers.certificates import NOW, Authority, Issued

ROOT = Authority.make()
MIDDLE = Authority.make("Intermediate", above=ROOT)
GOOD = ROOT.issue("ntp1.example")


class Dripping:
    """A TLS session whose server sends one byte after the other, and never an end."""

    def selected_alpn_protocol(self) -> str:
        return "ntske/1"

    def sendall(self, _: bytes) -> None:
        pass

    def recv(self, _: int) -> bytes:
        sleep(0.01)
        return b"\x01"


def record(type_: int, body: bytes, *, critical: bool = False) -> bytes:
    return (critical << 15 | type_).to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


END = record(0, b"", critical=True)
AEAD = record(4, b"\0\x0f", critical=True)
ANSWER = record(1, b"\0\0", critical=True) + AEAD + record(5, bytes(100)) * 8 + END


@contextmanager
def server(folder: Path, pair: Issued, answer: bytes = ANSWER, *, protocol: str = "ntske/1") -> Iterator[int]:
    """Serve NTS-KE to three clients, one after the other; yield the port."""
    pair.write(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "nts.crt", folder / "nts.key")
    context.set_alpn_protocols([protocol])
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for _ in range(3):
                with suppress(OSError):
                    connection, _ = listening.accept()
                    with connection, context.wrap_socket(connection, server_side=True) as session:
                        session.recv(1024)
                        session.sendall(answer)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_server_gives_cookies_to_who_trusts_it_and_knows_its_name(tmp_path: Path) -> None:
    with server(tmp_path, GOOD) as port:
        found = exchange_keys("127.0.0.1", port, name="ntp1.example", authority=ROOT.certificate)
    assert (found.right.stage, found.right.cookies) == (Stage.DONE, (bytes(100),) * 8)
    assert found.right.keys is not None
    assert {len(found.right.keys.to_server), len(found.right.keys.to_client)} == {32}
    assert found.right.keys.to_server != found.right.keys.to_client
    assert found.other_authority is not None
    assert found.other_name is not None
    assert (found.other_authority.stage, found.other_name.stage) == (Stage.TLS, Stage.TLS)
    assert "issuer certificate" in found.other_authority.words
    assert "chrony-provision.invalid" in found.other_name.words


def test_an_intermediate_authority_is_trusted_alone(tmp_path: Path) -> None:
    with server(tmp_path, MIDDLE.issue("ntp1.example")) as port:
        found = exchange_keys("127.0.0.1", port, name="ntp1.example", authority=MIDDLE.certificate)
    assert found.right.stage is Stage.DONE


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ROOT.issue("ntp2.example"), "Hostname mismatch, certificate is not valid for 'ntp1.example'"),
        (lambda: ROOT.issue("ntp1.example", end=NOW), "certificate has expired"),
        (lambda: Authority.make("Another").issue("ntp1.example"), "unable to get local issuer certificate"),
    ],
    ids=["name", "expired", "authority"],
)
def test_a_certificate_that_clients_refuse_is_named(make: Callable[[], Issued], words: str, tmp_path: Path) -> None:
    with server(tmp_path, make()) as port:
        found = exchange_keys("127.0.0.1", port, name="ntp1.example", authority=ROOT.certificate)
    assert found.right == KeyExchange(stage=Stage.TLS, words=words)
    assert found.other_authority is None


def test_a_machine_without_descriptors_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> tuple[int, int]:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("provision.verify.ntp.tls_exporter.os.pipe", refuse)
    with server(tmp_path, GOOD) as port:
        found = exchange_keys("127.0.0.1", port, name="ntp1.example", authority=ROOT.certificate)
    assert found.right.stage is Stage.EXCHANGE
    assert "Too many open files" in found.right.words


def test_a_server_of_something_else_is_named(tmp_path: Path) -> None:
    with server(tmp_path, GOOD, protocol="http/1.1") as port:
        found = exchange_keys("127.0.0.1", port, name="ntp1.example", authority=ROOT.certificate)
    assert found.right.stage in {Stage.EXCHANGE, Stage.TLS}


def test_a_closed_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    found = exchange_keys("127.0.0.1", port, name="ntp1.example", authority=ROOT.certificate)
    assert found.right == KeyExchange(stage=Stage.REFUSED, words="connection refused")


def test_a_name_without_an_address_is_named() -> None:
    found = exchange_keys(f"{'a' * 64}.invalid", 4460, name="ntp1.example", authority=ROOT.certificate)
    assert found.right.stage is Stage.UNRESOLVED


def test_an_answer_that_never_ends_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_exchange, "SECONDS", 0.1)
    begin = monotonic()
    with pytest.raises(TimeoutError, match="did not end in time"):
        key_exchange._in_session(Dripping())  # type: ignore[arg-type]
    assert monotonic() - begin < 5


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (record(2, b"\0\1", critical=True) + END, "the server answers with error 1 (RFC 8915, 4.1.3)"),
        (ANSWER[:-4], "the server ended before its answer was complete"),
        (ANSWER[:-2], "the server ended before its answer was complete"),
        (b"", "the server ended before its answer was complete"),
        (AEAD + END, "the server gives no cookies for AES-SIV-CMAC-256"),
        (record(4, b"\0\x1e") + record(5, b"x") + END, "the server gives no cookies for AES-SIV-CMAC-256"),
        (record(4, b"") + record(5, b"x") + END, "the server gives no cookies for AES-SIV-CMAC-256"),
        # Longer numbers and cookies raised OverflowError and ValueError where they were used.
        (record(2, bytes([1]) * 5000) + END, "the server answers with an error or a port that has not two bytes"),
        (record(7, b"\1\0\x7b") + ANSWER, "the server answers with an error or a port that has not two bytes"),
        (AEAD + record(5, bytes(65532)) + END, "the server gives cookies that fit into no NTP packet"),
    ],
)
def test_an_answer_without_cookies_is_named(answer: bytes, words: str) -> None:
    assert read_records(answer) == KeyExchange(stage=Stage.EXCHANGE, words=words)
    assert not ends(answer[:-4])


def test_a_server_may_have_its_ntp_packets_sent_elsewhere() -> None:
    found = read_records(record(7, b"\x2b\x73") + record(6, b"ntp2.example") + ANSWER)
    assert (found.ntp_server, found.ntp_port) == ("ntp2.example", 11123)
    assert (read_records(ANSWER).ntp_server, read_records(ANSWER).ntp_port) == ("", 123)


def test_the_request_is_that_of_the_rfc() -> None:
    assert request().hex() == "800100020000" + "80040002000f" + "80000000"
