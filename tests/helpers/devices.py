"""A device that asks a server for time with a symmetric key."""

import socket
import struct
import time
from hashlib import new as hashed

from provision.keys import AES_BYTES, Key
from provision.verify.ntp.packet import digest


def ask_as_device(server: str, key: Key, *, version: int, secret: bytes = b"", patience: float = 10) -> bool:
    """Send a request as a device does; return whether it is answered within some seconds.

    In version 3, a digest is whole. ``secret``: another one than that of the key.
    """
    used = Key(key.id, key.type, secret or key.secret)
    header = bytes([version << 3 | 3]) + bytes(39) + struct.pack("!d", time.time())
    mac = digest(used, header)
    if version == 3 and key.type not in AES_BYTES:
        mac = hashed(key.type.lower().replace("-", "_"), used.secret + header, usedforsecurity=False).digest()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.settimeout(patience)
        channel.sendto(header + struct.pack("!I", key.id) + mac, (server, 123))
        try:
            return len(channel.recv(1024)) > 48
        except TimeoutError:
            return False
