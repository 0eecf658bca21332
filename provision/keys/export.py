"""Keys in the formats of clients that this tool does not manage; what a format cannot express is refused with a reason.

ntp.keys   ntpd of ntp.org. ``ID TYPE KEY``: ids up to 65535 (NTP_MAXKEY); a word of up to 20 characters is the key
           itself, a longer one is hex, of at most 32 bytes; ``#`` ends a line; one bad line and ntpd takes none of
           the file (libntp/authreadkeys.c, ntp.keys(5)). AES-128-CMAC is called AES128CMAC; digests longer than 20
           bytes are cut, as chronyd cuts them.
ntpsec     The same, with OpenSSL's names: AES-128 and AES-256 are CMACs (NTPsec's libntp/authreadkeys.c, ntp.keys(5)).
coresntp   What demo_config.h of FreeRTOS' coreSNTP demo wants (FreeRTOS/FreeRTOS,
           FreeRTOS-Plus/Demo/coreSNTP_Windows_Simulator, demo_config.h and SNTPClientTask.c): two lists, one entry for
           each of its time servers. The demo knows AES-128-CMAC alone, and ids are int32_t, below zero for "no key".
"""

import json
import re
from collections.abc import Callable

from provision.errors import SiteError
from provision.keys import HASHES, Key, Keys

NTP_MAX_ID = 65535
NTP_MAX_BYTES = 32
NTP_LONGEST_TEXT = 20
NTP_TEXT = re.compile(rb"[!-\"$-~]+")
"""Printable, no blank, and no ``#``."""
CORESNTP_MAX_ID = 2**31 - 1
NTP_TYPES = {name: name for name in HASHES} | {"AES128": "AES128CMAC"}
NTPSEC_TYPES = {name: name for name in HASHES} | {"AES128": "AES-128", "AES256": "AES-256"}


def export(keys: Keys, format_: str) -> str:
    """Return the text of a file in one of the FORMATS. It holds the secrets. Raises SiteError."""
    return FORMATS[format_](keys)


def _chrony(keys: Keys) -> str:
    return keys.text


def _json(keys: Keys) -> str:
    entries = [{"id": key.id, "type": key.type, "key": key.secret.hex().upper()} for key in keys]
    return json.dumps({"keys": entries}, indent=1) + "\n"


def _ntp_keys(keys: Keys) -> str:
    return "".join(_ntp_line(key, "ntpd", NTP_TYPES) for key in keys)


def _ntpsec(keys: Keys) -> str:
    return "".join(_ntp_line(key, "NTPsec's ntpd", NTPSEC_TYPES) for key in keys)


def _ntp_line(key: Key, who: str, types: dict[str, str]) -> str:
    if key.type not in types:
        raise SiteError(f"{key}: {who} has no CMAC with {key.type}; make an AES128 key for it")
    if key.id > NTP_MAX_ID:
        raise SiteError(f"{key}: {who} takes ids up to {NTP_MAX_ID}; add a key with a lower --id for it")
    return f"{key.id} {types[key.type]} {_ntp_secret(key, who)}\n"


def _ntp_secret(key: Key, who: str) -> str:
    if len(key.secret) > NTP_MAX_BYTES:
        raise SiteError(f"{key}: {who} takes keys of at most {NTP_MAX_BYTES} bytes, and this one has {len(key.secret)}")
    digits = key.secret.hex().upper()
    if len(digits) > NTP_LONGEST_TEXT:
        return digits
    if not NTP_TEXT.fullmatch(key.secret):
        raise SiteError(f"{key}: {who} takes so few hex digits for a password; make a key of 16 bytes for it")
    return key.secret.decode()


def _coresntp(keys: Keys) -> str:
    for key in keys:
        if key.type != "AES128":
            raise SiteError(f"{key}: the demo of coreSNTP knows AES-128-CMAC alone; make an AES128 key for it")
        if key.id > CORESNTP_MAX_ID:
            raise SiteError(f"{key}: the demo of coreSNTP takes ids up to {CORESNTP_MAX_ID}; choose a lower --id")
    secrets = ", ".join(f'"{key.secret.hex().upper()}"' for key in keys)
    ids = ", ".join(str(key.id) for key in keys)
    return (
        "/* Secret. For demo_config.h of FreeRTOS' coreSNTP demo: one key, and its id, for each server in\n"
        " * democonfigLIST_OF_TIME_SERVERS, in the same order. */\n"
        "#ifndef CHRONY_KEYS_H\n"
        "#define CHRONY_KEYS_H\n"
        f"#define democonfigLIST_OF_AUTHENTICATION_SYMMETRIC_KEYS  {secrets}\n"
        f"#define democonfigLIST_OF_AUTHENTICATION_KEY_IDS  {ids}\n"
        "#endif\n"
    )


FORMATS: dict[str, Callable[[Keys], str]] = {
    "chrony": _chrony,
    "ntp.keys": _ntp_keys,
    "ntpsec": _ntpsec,
    "coresntp": _coresntp,
    "json": _json,
}
