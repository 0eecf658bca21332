"""Export keys to ntpd of ntp.org and of NTPsec: their key file, and the lines of ntp.conf that trust and use the keys.

A line of the key file is ``ID TYPE KEY``, with ids up to 65535 (NTP_MAXKEY). A word of up to 20 characters is the key
itself, a longer one is hex, of at most 32 bytes. ``#`` starts a comment. If one line is bad, ntpd refuses the file
(libntp/authreadkeys.c, ntp.keys(5)). Digests longer than 20 bytes are truncated, as in chronyd. ntp.org calls
AES-128-CMAC AES128CMAC. NTPsec uses OpenSSL's names: AES-128 and AES-256 are CMACs (its libntp/authreadkeys.c).

Both ignore a key that no ``trustedkey`` names.
"""

import re
from collections.abc import Mapping
from functools import partial

from provision.common.errors import SiteError
from provision.keys import HASHES, Key, Keys
from provision.keys.export.format import Format, Servers, server_lines

MAX_ID = 65535
MAX_BYTES = 32
LONGEST_TEXT = 20
TEXT = re.compile(rb"[!-\"$-~]+")
"""A password for ntpd: printable characters without blanks and ``#``."""
NTPD_TYPES = {name: name for name in HASHES} | {"AES128": "AES128CMAC"}
NTPSEC_TYPES = {name: name for name in HASHES} | {"AES128": "AES-128", "AES256": "AES-256"}


def _keys(keys: Keys, _: Servers, *, who: str, types: Mapping[str, str]) -> str:
    return "".join(_line(key, who, types) for key in keys)


def _line(key: Key, who: str, types: Mapping[str, str]) -> str:
    if key.type not in types:
        raise SiteError(f"{key}: {who} has no CMAC with {key.type}; make an AES128 key for it")
    if key.id > MAX_ID:
        raise SiteError(f"{key}: {who} takes ids up to {MAX_ID}; add a key with a lower --id for it")
    return f"{key.id} {types[key.type]} {_secret(key, who)}\n"


def _secret(key: Key, who: str) -> str:
    if len(key.secret) > MAX_BYTES:
        raise SiteError(f"{key}: {who} takes keys of at most {MAX_BYTES} bytes, and this one has {len(key.secret)}")
    digits = key.secret.hex().upper()
    if len(digits) > LONGEST_TEXT:
        return digits
    if not TEXT.fullmatch(key.secret):
        raise SiteError(f"{key}: {who} takes so few hex digits for a password; make a key of 16 bytes for it")
    return key.secret.decode()


def _configuration(keys: Keys, servers: Servers, *, file: str) -> str:
    trusted = " ".join(str(id_) for id_ in keys.ids)
    head = f"# ntp.conf; the exported file is {file}, which ntpd's account must be able to read\n"
    return f"{head}keys {file}\ntrustedkey {trusted}\n{server_lines(keys, servers)}"


NTPD = Format(
    keys=partial(_keys, who="ntpd", types=NTPD_TYPES),
    suffix=".keys",
    configuration=partial(_configuration, file="/etc/ntp.keys"),
)
NTPSEC = Format(
    keys=partial(_keys, who="NTPsec's ntpd", types=NTPSEC_TYPES),
    suffix=".keys",
    configuration=partial(_configuration, file="/etc/ntpsec/ntp.keys"),
)
