"""Download a small file over HTTP, with limits on size and time, and retries for temporary failures.

Permanent failures (a name that does not resolve, a refused connection, 404) are not retried, because there are other
locations. The reason is one short line, without the URL, which may contain a password.
"""

import time
from collections.abc import Iterable
from functools import partial

import requests
import urllib3.exceptions

from provision.common.errors import FetchError

CONNECT, SILENCE, TOTAL = 5, 30, 120
"""Time limits in seconds: to connect; without a byte; in total, including retries and pauses."""

LARGEST = 64 * 2**20
"""The largest download in bytes; the largest pinned tarball has 2.7 million."""

PAUSES = (0.5, 2.0)
"""Pauses before the second and the third attempt, in seconds."""

_PASSING = frozenset({429, 500, 502, 503, 504})


class _Passing(FetchError):  # noqa: N818 -- a kind of FetchError, after which a retry may help
    """A failure that may be temporary."""


def get(url: str, *, largest: int = LARGEST, silence: float = SILENCE, total: float = TOTAL) -> bytes:
    """Return the content of a URL. Raises FetchError with a short reason."""
    deadline = time.monotonic() + total
    for pause in PAUSES:
        try:
            return _get_once(url, largest, silence, deadline)
        except _Passing:
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
    return _get_once(url, largest, silence, deadline)


def _get_once(url: str, largest: int, silence: float, deadline: float) -> bytes:
    try:
        with requests.get(
            url, stream=True, timeout=(CONNECT, silence), headers={"Accept-Encoding": "identity"}
        ) as response:
            if response.status_code != 200:
                kind = FetchError
                if response.status_code in _PASSING:
                    kind = _Passing
                raise kind(f"HTTP status {response.status_code}")
            # Read raw bytes, because some servers declare a .tar.gz as a .tar with "Content-Encoding: gzip". Use read1,
            # because waiting for a full buffer, a byte at a time, would outlast every limit.
            chunks = iter(partial(response.raw.read1, 2**16, decode_content=False), b"")
            return _joined(chunks, largest, deadline)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _translated(error, silence) from error


def _joined(chunks: Iterable[bytes], largest: int, deadline: float) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > largest:
            raise FetchError(f"larger than {largest} bytes")
        if time.monotonic() > deadline:
            raise FetchError("too slow")
    return bytes(data)


def _translated(error: Exception, silence: float) -> FetchError:
    """Return an error with a short reason; the cause may be three exceptions deep."""
    cause = next(iter(error.args), None)
    cause = getattr(cause, "reason", None) or cause
    match error, cause:
        case requests.ConnectTimeout(), _:
            why = f"no connection within {CONNECT} s"
        case ((requests.Timeout() | urllib3.exceptions.TimeoutError()), _):
            why = f"no data for {silence:g} s"
        case requests.exceptions.SSLError(), _:
            why = "TLS failed, or its certificate is not accepted"
        case requests.exceptions.ProxyError(), _:
            why = "the proxy gives no connection"
        case _, urllib3.exceptions.NameResolutionError():
            why = "its name cannot be resolved"
        case _, urllib3.exceptions.NewConnectionError():
            why = getattr(cause.__cause__, "strerror", None) or "no connection"
        case ((requests.ConnectionError() | urllib3.exceptions.HTTPError()), _):
            return _Passing("the connection broke off")
        case _:
            why = type(error).__name__
    return FetchError(why)
