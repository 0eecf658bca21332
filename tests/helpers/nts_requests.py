"""Requests with NTS of this machine to booted hosts."""

from provision.host.sandbox.sandbox import Sandbox
from provision.verify.ntp.exchange import Channel
from provision.verify.ntp.key_exchange import KeyExchange, Stage, exchange_keys
from provision.verify.ntp.nts_client import NtsRequest, ask_with_cookies


def exchange_with(host: Sandbox, name: str, authority: str) -> KeyExchange:
    """Make a key exchange with a server, which succeeds; ``authority`` is in PEM."""
    found = exchange_keys(host.address, 4460, name=name, authority=authority).right
    assert found.stage is Stage.DONE, found
    return found


def ask(host: Sandbox, exchange: KeyExchange, cookies: tuple[bytes, ...]) -> NtsRequest:
    """Send a request with cookies of a key exchange, regardless of the server with which that was made."""
    assert exchange.keys is not None
    with Channel.open(host.address, 123) as channel:
        return ask_with_cookies(channel, cookies, exchange.keys)
