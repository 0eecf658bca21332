"""Export keys to ntpd of BusyBox: its key file and its command line.

A line of the key file is ``ID TYPE KEY``, with ids up to 65535. The types are MD5 and SHA1 alone. The key of a SHA1
line is hex, that of an MD5 line is the key itself, whatever it looks like; both are words of at most 40 characters
(networking/ntpd.c).
"""

from provision.common.errors import SiteError
from provision.keys import Key, Keys
from provision.keys.export.format import Format, Servers
from provision.keys.export.ntpd import MAX_ID, TEXT

FILE = "/etc/ntp.keys"
LONGEST_WORD = 40


def _keys(keys: Keys, _: Servers) -> str:
    return "".join(_line(key) for key in keys)


def _line(key: Key) -> str:
    if key.type not in {"MD5", "SHA1"}:
        raise SiteError(f"{key}: BusyBox has MD5 and SHA1 alone; make a key for it: inv keys.add --type SHA1")
    if key.id > MAX_ID:
        raise SiteError(f"{key}: BusyBox takes ids up to {MAX_ID}; add a key with a lower --id for it")
    word = key.secret.hex().upper()
    if key.type == "MD5":
        if not TEXT.fullmatch(key.secret):
            raise SiteError(f"{key}: BusyBox takes MD5 keys as text alone; make a key for it: keys.add --type SHA1")
        word = key.secret.decode()
    if len(word) > LONGEST_WORD:
        raise SiteError(f"{key}: BusyBox takes {LONGEST_WORD} characters, and this key has {len(word)}: --length 20")
    return f"{key.id} {key.type} {word}\n"


def _configuration(keys: Keys, servers: Servers) -> str:
    key = keys.ids[0]
    peers = "".join(f" -p keyno:{key}:{server}" for server in servers) or f" -p keyno:{key}:ADDRESS"
    return f"# the command of BusyBox; the exported file is {FILE}\nntpd -k {FILE}{peers}\n"


BUSYBOX = Format(keys=_keys, suffix=".keys", configuration=_configuration)
