"""TLS sessions of a client and a server that are both in this process."""

import ssl
from collections.abc import Callable
from pathlib import Path

from tests.helpers.certificates import Authority


def handshake(folder: Path, authority: Authority, attach: Callable[[ssl.SSLContext], None]) -> None:
    """Make a session without a network; ``attach`` is called with the context of its client."""
    authority.issue("localhost").write(folder)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(folder / "nts.crt", folder / "nts.key")
    context = ssl.create_default_context(cadata=authority.certificate)
    attach(context)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        context.wrap_bio(to_client, to_server, server_hostname="localhost"),
        served.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in tuple(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
