"""Read reference ids (RFC 5905, 7.3): which source a clock follows."""

import re

NO_REFERENCE = "00000000"
"""The reference id of a clock that follows no source."""
LOCAL_REFERENCE = "7F7F0101"
"""The reference id of a server without sources that serves its own clock (the ``local`` directive)."""
LOCAL_ADDRESS = "127.127.1.1"
"""The same as an IPv4 address."""


def reference_name(hexadecimal: str, name: str) -> str:
    """Return the name of a reference id, or else the id as an IPv4 address; empty for none.

    chronyc prints a name at stratum 0 and 1 only: that of a reference clock, or a kiss code.
    """
    if name:
        return name
    if hexadecimal == NO_REFERENCE:
        return ""
    return ".".join(str(byte) for byte in bytes.fromhex(hexadecimal))


def kiss_code(reference_id: bytes) -> str:
    """Return the kiss code of an answer with stratum 0 (RFC 5905, 7.4); empty if its reference id is none."""
    if re.fullmatch(rb"[A-Z]{4}", reference_id) is None:
        return ""
    return reference_id.decode("ascii")
