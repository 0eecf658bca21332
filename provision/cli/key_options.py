"""Declare the options that only the tasks about keys have, as :mod:`provision.cli.options` those of the others."""
# ruff: noqa: RUF009 -- a function that declares an option returns a field

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from provision.cli.option import argument, flag, number, path, several, text, time_span
from provision.cli.options import Options
from provision.cli.values import address, key_format, key_type

LARGEST_ID = 4294967295
"""As provision.keys.MAX_ID, without its imports."""

LONGEST_KEY = 512
"""In bytes, as of ``chronyc keygen``."""

MOST_KEYS = 1_000_000

MOST_DAYS = 3650

ADDRESSES_OF_USERS = "with --unused-for: also name the addresses from which a key that stays was used in 30 days"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysOptions(Options):
    """The options of ``keys``."""

    usage: bool = flag("ask the servers that count it how often and when last they have answered each key (keys.usage)")
    addresses: bool = flag("with --usage: also show the addresses that were answered in the last 30 days")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions(Options):
    """The options of ``keys.add``."""

    count: int = number("keys to add", 1, meaning="a number of keys", least=1, most=MOST_KEYS)
    type: str = text("key type: AES128 (default), AES256, SHA1, SHA256, SHA512 …", "AES128", key_type)
    length: int | None = number(
        "bytes of each key; AES types have one length, hashes at least 16 (default: MD5 16, SHA1 20, other hashes 32)",
        None,
        meaning="a number of bytes",
        least=1,
        most=LONGEST_KEY,
    )
    label: str = text("purpose of the keys, written above each of them")
    id: int | None = number(
        "id of the first key, from 1 (default: the lowest free ids)", None, meaning="a key id", least=1, most=LARGEST_ID
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireOptions(Options):
    """The options of ``keys.retire``."""

    ids: str = argument("key ids: 7, or several as 7,9,20-25, or all")
    unused_for: timedelta | None = time_span(
        "of these keys, only those that no server has answered for so long, such as 30d (days) or 12h (hours)"
    )
    addresses: bool = flag(ADDRESSES_OF_USERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateOptions(Options):
    """The options of ``keys.rotate``."""

    id: int | None = number(
        "id of the key to replace (default: the key that hosts use to authenticate to their servers)",
        None,
        meaning="a key id",
        least=1,
        most=LARGEST_ID,
    )
    type: str = text("type of the new key (default: the type of the old key)", parser=key_type)
    overlap: int = number(
        "days for which the old key stays, for devices that this tool does not manage",
        0,
        meaning="a number of days",
        least=0,
        most=MOST_DAYS,
    )
    unused_for: timedelta | None = time_span(
        "keep the old key until no server has answered it for so long, such as 30d (days) or 12h (hours)"
    )
    addresses: bool = flag(ADDRESSES_OF_USERS)
    preview: bool = flag("show what would be done with which keys and hosts, and do nothing")
    yes: bool = flag("do it without a question; needed where standard input is no terminal")


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateNtsOptions(Options):
    """The options of ``keys.rotate-nts``."""

    preview: bool = flag("show what would be done with which keys and hosts, and do nothing")
    yes: bool = flag("do it without a question; needed where standard input is no terminal")


@dataclass(frozen=True, slots=True, kw_only=True)
class LintOptions(Options):
    """The options of ``keys.lint``."""

    file: str = argument("file in the format of chrony.keys, or - for standard input")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions(Options):
    """The options of ``keys.export``."""

    ids: str = argument("key ids: 7, or several as 7,9,20-25, or all")
    format: str = text(
        "chrony (default), ntp.keys (ntpd), ntpsec, busybox, coresntp (a C header for FreeRTOS), json",
        "chrony",
        key_format,
    )
    to_folder: Path | None = path("folder to write a file for each key to, such as key-7.h; made if it does not exist")
    server: tuple[str, ...] = several(
        "address of a server for the client, in order; may be given several times (default: the site's servers that "
        "have the keys)",
        address,
    )
    force: bool = flag("replace existing files")
