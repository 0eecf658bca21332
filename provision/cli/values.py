"""Parse the value of one option: a path, a number, a version, an address, a name.

A parser is called with the option and its text, and raises UsageError, whose message names both. This module is
imported by ``--list``: a parser that needs more imports it when it is called.
"""
# ruff: noqa: PLC0415 -- see above

import os
import re
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from provision.common.errors import SiteError, UsageError
from provision.common.text import quoted, shown

UNITS = {"d": "days", "h": "hours"}
LONGEST_SPAN = timedelta(days=400)
"""After this time without a use, servers forget a key, and cannot say that it was not used before (key_usage.sh)."""

Parser = Callable[[str, str], object]
"""Returns the value of an option; called with the option, such as ``--parallel``, and its text. Raises UsageError."""


def verbatim(_: str, text: str) -> str:
    """Return the text itself."""
    return text


def number_from(least: int, most: int, *, meaning: str) -> Parser:
    """Return the parser of a number in a range; ``meaning`` names it in errors: ``a number of hosts``."""

    def parse(flag: str, text: str) -> int:
        # int() also takes " 7", "1_000" and digits of other scripts.
        if re.fullmatch("[0-9]{1,10}", text) and least <= int(text) <= most:
            return int(text)
        raise UsageError(f"{flag} {shown(text)}: expected {meaning} from {least} to {most}")

    return parse


def span_of_time(flag: str, text: str) -> timedelta:
    """Return a number of days or hours, as 30d or 12h, of at most 400 days. Raises UsageError."""
    found = re.fullmatch("(?P<number>[0-9]{1,6})(?P<unit>[dh])", text)
    if found:
        span = timedelta(**{UNITS[found["unit"]]: int(found["number"])})
        if timedelta(0) < span <= LONGEST_SPAN:
            return span
    raise UsageError(f"{flag} {shown(text)}: expected days or hours, such as 30d or 12h, at most 400d")


def clock_error(flag: str, text: str) -> timedelta:
    """Return by how much a clock is ahead of this machine's, in words as in a report; negative: behind.

    Raises UsageError.
    """
    found = re.fullmatch("(?P<number>[0-9]{1,4}) (?P<unit>seconds|minutes|hours|days) (?P<way>ahead|behind)", text)
    if found is None:
        raise UsageError(f"{flag} {shown(text)}: expected words such as '40 days behind' or '3 hours ahead'")
    difference = timedelta(**{found["unit"]: int(found["number"])})
    if found["way"] == "behind":
        return -difference
    return difference


def any_path(_: str, text: str) -> Path:
    """Return a path, whether or not it exists."""
    return Path(text)


def existing_folder(flag: str, text: str) -> Path:
    """Return the path of a folder. Raises UsageError."""
    complaint = f"{flag} {shown(text)}: cannot be used"
    if not _is_folder(Path(text), complaint):
        raise UsageError(f"{complaint}: Not a directory")
    return Path(text)


def existing_file(flag: str, text: str) -> Path:
    """Return the path of a file that is there. Raises UsageError."""
    complaint = f"{flag} {shown(text)}: cannot be read"
    if _is_folder(Path(text), complaint):
        raise UsageError(f"{complaint}: Is a directory")
    return Path(text)


def new_file(flag: str, text: str) -> Path:
    """Return the path of a file that can be written, in an existing folder. Raises UsageError."""
    path = Path(text)
    complaint = f"{flag} {shown(text)}: cannot be written"
    if not _is_folder(path.parent, complaint):
        raise UsageError(f"{complaint}: Not a directory")
    if exists(path, complaint) and _is_folder(path, complaint):
        raise UsageError(f"{complaint}: Is a directory")
    return path


def new_file_or_standard_output(flag: str, text: str) -> Path:
    """Return ``-`` for standard output, or the path of a file that can be written. Raises UsageError."""
    if text == "-":
        return Path(text)
    return new_file(flag, text)


def new_folder(flag: str, text: str) -> Path:
    """Return the path of a folder that is empty or can be made in an existing one. Raises UsageError."""
    if text == "-":
        raise UsageError(f"{flag} -: a folder cannot be written to standard output; name a folder")
    path = Path(text)
    complaint = f"{flag} {shown(text)}: cannot be written"
    if not exists(path, complaint):
        if not _is_folder(path.parent, complaint):
            raise UsageError(f"{complaint}: Not a directory")
        return path
    if not _is_folder(path, complaint):
        raise UsageError(f"{complaint}: Not a directory")
    try:
        is_empty = next(path.iterdir(), None) is None
    except OSError as error:
        raise UsageError(f"{complaint}: {error.strerror}") from error
    if not is_empty:
        raise UsageError(f"{flag} {shown(text)}: is not empty; name a new folder")
    return path


def new_regular_file_or_standard_output(flag: str, text: str) -> Path:
    """Return ``-`` for standard output, also for /dev/stdout, or a path as :func:`new_regular_file` does.

    Raises UsageError.
    """
    from provision.common.files.open_file import STANDARD_OUTPUT_NUMBER, descriptor_at

    if text == "-" or descriptor_at(Path(text)) == STANDARD_OUTPUT_NUMBER:
        return Path("-")
    return new_regular_file(flag, text)


def new_regular_file(flag: str, text: str) -> Path:
    """Return the path of a file that can be written, and that is no device and no pipe. Raises UsageError."""
    from provision.common.files.open_file import descriptor_at

    if text == "-":
        raise UsageError(f"{flag} -: it is not written to standard output; name a file")
    path = new_file(flag, text)
    complaint = f"{flag} {shown(text)}: cannot be written"
    if path.exists() and not path.is_file():
        raise UsageError(f"{complaint}: not a regular file")
    if descriptor_at(path) is not None:
        # As in "--html /dev/stdout >>log": the new file would take the place of the log.
        raise UsageError(f"{complaint}: it is a file that the shell has opened; name it by its own path")
    # A link may lead into another folder.
    folder = Path(os.path.realpath(path)).parent
    if not _is_folder(folder, complaint):
        raise UsageError(f"{complaint}: Not a directory")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{complaint}: no right to write in {shown(str(folder))}")
    return path


def exists(path: Path, complaint: str) -> bool:
    """Return whether there is something at a path. Raises UsageError if that cannot be told, as for a long name."""
    try:
        return path.exists()
    except OSError as error:
        raise UsageError(f"{complaint}: {error.strerror}") from error


def _is_folder(path: Path, complaint: str) -> bool:
    """Return whether an existing path is a folder. Raises UsageError."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        raise UsageError(f"{complaint}: {error.strerror}") from error


def ip_addresses(_: str, text: str) -> tuple[str, ...]:
    """Return IP addresses, which have blanks between them. Raises UsageError; nothing is resolved."""
    from ipaddress import ip_address

    for word in text.split():
        try:
            ip_address(word)
        except ValueError:
            raise UsageError(f"{shown(word)}: expected an IP address; a name is not resolved here") from None
        if "%" in word:
            raise UsageError(f"{shown(word)}: expected an IP address without a zone")
    if not text.split():
        raise UsageError("expected an IP address")
    return tuple(text.split())


def scheduler_address(_: str, text: str) -> str:
    """Return the address of a Dask scheduler. Raises UsageError."""
    from provision.fleet.dask_address import check_address

    try:
        check_address(text)
    except SiteError as error:
        raise UsageError(str(error)) from error
    return text


def chrony_version(flag: str, text: str) -> str:
    """Return a version of chrony. Raises UsageError."""
    from provision.site.text_types import Version

    return _of_site(Version, flag, text)


def nettle_version(flag: str, text: str) -> str:
    """Return a version of Nettle, or ``system``. Raises UsageError."""
    from provision.site.text_types import NettleVersion

    return _of_site(NettleVersion, flag, text)


def debian_platform(flag: str, text: str) -> str:
    """Return a platform of which this machine can boot a sandbox, as bookworm/amd64. Raises UsageError."""
    from provision.host.sandbox.platforms import suite_of_platform

    suite_of_platform(flag, text)
    return text


def address(flag: str, text: str) -> str:
    """Return a host name or an IP address. Raises UsageError."""
    from provision.site.text_types import Address

    return _of_site(Address, flag, text)


def _of_site(kind: Callable[[str], str], flag: str, text: str) -> str:
    """Return a value that a site file can also have, of its type there. Raises UsageError."""
    from provision.site.text_types import Refused

    try:
        return kind(text)
    except Refused as error:
        raise UsageError(f"{flag}: {error}") from error


def key_format(flag: str, text: str) -> str:
    """Return the name of a format of exported keys. Raises UsageError."""
    from provision.common.text import nearest
    from provision.keys.export import FORMATS

    if text not in FORMATS:
        raise UsageError(f"{flag} {quoted(text)}: there are {', '.join(FORMATS)}{nearest(text.lower(), FORMATS)}")
    return text


def key_type(flag: str, text: str) -> str:
    """Return a type of keys. Raises UsageError, which names the type that was meant."""
    from provision.common.text import nearest
    from provision.keys import TYPES, name_in_chrony

    if text in TYPES:
        return text
    meant = name_in_chrony(text) or text.upper()
    raise UsageError(f"{flag} {quoted(text)}: there are {', '.join(TYPES)}{nearest(meant, TYPES)}")


def program_kind(flag: str, text: str) -> str:
    """Return the name of a program that keeps time. Raises UsageError."""
    from provision.takeover.local_files import KINDS

    if text not in KINDS:
        raise UsageError(f"{flag} {quoted(text)}: there are {', '.join(KINDS)}")
    return text
