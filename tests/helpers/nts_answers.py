"""Answers of a server with NTS."""

from provision.verify.ntp.nts_packet import COOKIE, NtsKeys, authenticator, pack_field


def answer(packet: bytes, keys: NtsKeys, cookies: tuple[bytes, ...] = ()) -> bytes:
    """Return an answer as a server makes it of a header and an identifier, with fresh cookies."""
    return packet + authenticator(packet, keys.to_client, b"".join(pack_field(COOKIE, one) for one in cookies))
