"""Downloads from a web server on loopback that misbehaves as told."""

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
import requests
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NameResolutionError

from provision.build.fetch import download
from provision.build.fetch.download import _translated, get
from provision.common.errors import FetchError

Answer = Callable[[BaseHTTPRequestHandler], None]

OVER = Event()
"""Set at the end, for the answers that wait."""


@pytest.fixture(autouse=True, scope="module")
def _no_proxy_and_no_pause() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        # As often as usual, without what is waited for between.
        patch.setattr(download, "PAUSES", (0.01,) * len(download.PAUSES))
        yield
    OVER.set()


@contextmanager
def server(*answers: Answer) -> Iterator[str]:
    """Serve one answer for each request, and refuse to be asked once more; give the URL."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            left.pop(0)(self)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name that the base class gives it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        web.daemon_threads = True
        web.block_on_close = False
        Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}/file"
        web.shutdown()
    assert left == []


def status(code: int) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def content(data: bytes, *, length: int | None = None, **headers: str) -> Answer:
    """Answer with some data, of which the header may promise more."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(data)

    return answer


def chunked(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    request.wfile.write(b"4\r\nall \r\n5\r\nof it\r\n0\r\n\r\n")


def silence(request: BaseHTTPRequestHandler) -> None:
    content(b"begin", length=100)(request)
    request.wfile.flush()
    OVER.wait(10)


def drip(request: BaseHTTPRequestHandler) -> None:
    """Send a byte every 20 ms, which no time limit between two bytes ever notices."""
    content(b"", length=10_000)(request)
    try:
        while not OVER.wait(0.02):
            request.wfile.write(b".")
            request.wfile.flush()
    except OSError:
        return


CUT = content(b"half", length=8)


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([content(b"all of it")], id="at once"),
        pytest.param([chunked], id="in chunks"),
        pytest.param([status(500), content(b"all of it")], id="after a server error"),
        pytest.param([status(503), CUT, content(b"all of it")], id="after a server error and a broken connection"),
        pytest.param(
            [lambda _: None, content(b"all of it")], id="after a connection that was closed without an answer"
        ),
    ],
)
def test_a_file_arrives(answers: list[Answer]) -> None:
    with server(*answers) as url:
        assert get(url) == b"all of it"


def test_a_compressed_file_that_the_server_calls_an_encoding_arrives_as_it_is() -> None:
    data = gzip.compress(b"a tar")
    with server(content(data, Content_Encoding="gzip")) as url:
        assert get(url) == data


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        pytest.param([status(404)], "HTTP status 404", id="not there: asked once"),
        pytest.param([status(403)], "HTTP status 403", id="not allowed: asked once"),
        pytest.param([status(500)] * 3, "HTTP status 500", id="a server error: asked three times"),
        pytest.param([CUT] * 3, "the connection broke off", id="a broken connection: asked three times"),
        pytest.param([content(b"x" * 101)], "larger than 100 bytes", id="too large"),
    ],
)
def test_what_does_not_arrive_has_a_short_reason(answers: list[Answer], reason: str) -> None:
    with server(*answers) as url, pytest.raises(FetchError) as caught:
        get(url, largest=100)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(silence, "no data for 0.2 s", id="silence in the middle"),
        pytest.param(drip, "too slow", id="a byte now and then"),
    ],
)
def test_a_slow_server_is_given_up(answer: Answer, reason: str) -> None:
    began = time.monotonic()
    with server(answer) as url, pytest.raises(FetchError) as caught:
        get(url, silence=0.2, total=0.5)
    assert str(caught.value) == reason
    assert time.monotonic() - began < 30


def test_a_refused_connection_is_given_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES", (60.0,))
    with server() as url:
        pass
    began = time.monotonic()
    with pytest.raises(FetchError, match=r"^Connection refused$"):
        get(url)
    assert time.monotonic() - began < 30


def test_a_server_that_speaks_no_tls_is_named_so() -> None:
    with server() as url, pytest.raises(FetchError, match=r"^TLS failed"):
        get(url.replace("http:", "https:"))


def test_a_text_that_is_no_url_has_a_short_reason() -> None:
    with pytest.raises(FetchError, match=r"^InvalidURL$"):
        get("http://")


def test_a_name_that_does_not_resolve_is_named_so() -> None:
    # As requests raises it; asked for real, it would leave this machine.
    unknown = NameResolutionError("nowhere.invalid", HTTPConnection("nowhere.invalid"), OSError("unknown"))  # type: ignore[arg-type]
    error = requests.ConnectionError(MaxRetryError(HTTPConnectionPool("nowhere.invalid"), "/", unknown))
    assert str(_translated(error, 1)) == "its name cannot be resolved"
