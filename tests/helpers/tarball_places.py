"""Places that have tarballs: one in memory, and a web server like a mirror of Debian."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
from pysequoia import SignatureMode, Tsk, sign

from provision.chrony.releases import Release
from provision.common.errors import FetchError

SIGNATURES = Path(__file__).parents[1] / "cases" / "signatures"
"""As they lie beside the tarballs in a Debian archive."""

DATA = b"the tarball"
FLIPPED = b"the tarbalm"
SIGNER = "8F375C7E8D0EE125A3D3BD51537E2B76F7680DAC"
RELEASE = Release(name="chrony", version="9.9", sha256=hashlib.sha256(DATA).hexdigest(), signer=SIGNER)
WRONG_SIGNATURE = bytes(sign(Tsk.generate("Mallory").signer(), DATA, mode=SignatureMode.DETACHED))


@dataclass(frozen=True)
class Shelf:
    """A place in memory."""

    name: str = "shelf"
    data: bytes | None = DATA
    beside: bytes | None = None
    asked: list[Release] = field(default_factory=list)
    own: ClassVar[bool] = False

    def tarball(self, release: Release) -> bytes:
        self.asked.append(release)
        if self.data is None:
            raise FetchError("it is empty")
        return self.data

    def signature(self, release: Release) -> bytes | None:
        assert release in self.asked
        return self.beside


@contextmanager
def mirror(folder: Path) -> Iterator[str]:
    """Serve a folder as a web server does; give the URL."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name that the base class gives it
            pass

    with (
        pytest.MonkeyPatch.context() as patch,
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as web,
    ):
        patch.setenv("NO_PROXY", "127.0.0.1")
        Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://user:secret@127.0.0.1:{web.server_port}/debian"
        web.shutdown()


def put(folder: Path, name: str, data: bytes) -> None:
    """Put a file into the folder that a mirror serves."""
    path = folder / "debian/pool/main/c/chrony" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
