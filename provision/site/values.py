"""The kinds of text that a site holds: each checks itself when it is made, and says what is wrong with it.

They are ``str`` all the same, so that they render, compare and serialize as what they are.
"""

import re
import shlex
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import ClassVar, Self


class Refused(ValueError):  # noqa: N818 -- what happened, in the past tense
    """A value of the site is wrong; ``key`` is where, seen from the table or value that noticed."""

    def __init__(self, why: str, *, key: str = "") -> None:
        super().__init__(why)
        self.key = key


def quoted(text: str) -> str:
    """Return a value as a message shows it: on one line, and not endless."""
    return repr(str(text) if len(text) <= 60 else f"{text[:57]}...")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``; did you mean 'iburst'?``, or nothing when no name is near."""
    from difflib import get_close_matches  # noqa: PLC0415 -- needed for errors only, and as slow to import as msgspec

    return "".join(f"; did you mean {quoted(match)}?" for match in get_close_matches(name, names, n=1))


def check_printable(text: str) -> None:
    """Refuse newlines and other control characters: a value must not be able to start a line of chrony.conf."""
    for character in text:
        if not character.isprintable():
            raise Refused(f"the character {character!r} cannot be part of a value")


class Text(str):
    """Text that was checked, and brought to the one form in which it is kept, when it was made."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the text; raises Refused."""
        check_printable(text)
        return super().__new__(cls, cls.checked(text))

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the text in the form in which it is kept; raises Refused."""
        raise NotImplementedError


_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_HOSTNAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?")


class Address(Text):
    """A host name (RFC 1123, underscores as DNS has them) or an IP address, without a zone."""

    __slots__ = ()

    @classmethod
    def checked(cls, text: str) -> str:
        """Return a host name as it is written, an IP address in its shortest form."""
        try:
            address = str(ip_address(text))
        except ValueError:
            address = text
            # A name that ends in a number is an IP address gone wrong: 10.0.0, 10.0.0.256.
            if not _HOSTNAME.fullmatch(text) or text.rstrip(".").rpartition(".")[2].isdigit():
                raise Refused(f"{quoted(text)} is neither a host name nor an IP address") from None
        if "%" in address:
            raise Refused(f"{quoted(text)} names a network interface, which chrony does not take")
        return address

    @property
    def identity(self) -> str:
        """Return what is equal for two ways to write the same address."""
        return self.lower().rstrip(".")


_SHORT = re.compile(r"(?P<numbers>[0-9]+(?:\.[0-9]+){0,2})/(?P<bits>[0-9]+)")


class Network(Text):
    """An IP network, ``ADDRESS/BITS``; an address stands for itself alone, chrony's short ``10/8`` for 10.0.0.0/8."""

    __slots__ = ()

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the network in full, as ``10.0.0.0/8``."""
        full = cls._in_full(text)
        try:
            network = ip_network(full, strict=False)
        except ValueError:
            raise Refused(f"{quoted(text)} is no network; write it like 192.168.0.0/16 or fd00::/8") from None
        if "%" in full:
            raise Refused(f"{quoted(text)} names a network interface, which chrony does not take")
        if str(network.network_address) != str(ip_address(full.partition("/")[0])):
            raise Refused(f"{quoted(text)} has bits set behind the prefix; did you mean '{network}'?")
        return str(network)

    @staticmethod
    def _in_full(text: str) -> str:
        if (short := _SHORT.fullmatch(text)) is None:
            return text
        missing = 3 - short["numbers"].count(".")
        return f"{short['numbers']}{'.0' * missing}/{short['bits']}"

    @property
    def ip(self) -> IPv4Network | IPv6Network:
        """Return the network to compute with."""
        return ip_network(self)


class HostPath(Text):
    """The absolute path of a file or folder on the host; chrony.conf cannot hold one with a blank in it."""

    __slots__ = ()

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the path without a slash at its end."""
        if not text.startswith("/") or " " in text or ".." in text.split("/"):
            raise Refused(f"{quoted(text)} is no absolute path without blanks and without '..'")
        return text.rstrip("/") or "/"

    def is_below(self, folder: str) -> bool:
        """Say whether this is inside the folder, at any depth."""
        return self.startswith(f"{folder}/")


class Command(Text):
    """A command of this machine: words as a shell would split them; none runs it."""

    folder: Path
    """In which it is run: that of the site file."""

    @classmethod
    def run_in(cls, folder: Path, text: str) -> Self:
        """Return a command; raises Refused."""
        command = cls(text)
        command.folder = folder
        return command

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the command as it is written."""
        try:
            if shlex.split(text):
                return text
        except ValueError as error:
            raise Refused(f"{quoted(text)}: {str(error).lower()}") from None
        raise Refused("is empty; leave it out for the default")

    @property
    def words(self) -> tuple[str, ...]:
        """Return the program and its arguments."""
        return tuple(shlex.split(self))


class _Pattern(Text):
    """Text of one shape."""

    __slots__ = ()
    pattern: ClassVar[re.Pattern[str]]
    shape: ClassVar[str]

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the text as it is written."""
        if not cls.pattern.fullmatch(text):
            raise Refused(f"{quoted(text)} is not {cls.shape}")
        return text


class TimeZone(_Pattern):
    """A zone of the host's tz database, such as ``right/UTC``."""

    __slots__ = ()
    pattern = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
    shape = "a time zone such as 'right/UTC'"


class Version(_Pattern):
    """The version of a release, as upstream writes it."""

    __slots__ = ()
    pattern = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,3}(?:-pre[0-9]{1,2})?")
    shape = "a version such as '4.9'"


class NettleVersion(_Pattern):
    """The version of a Nettle release, or ``system`` for the distribution's Nettle."""

    __slots__ = ()
    pattern = re.compile(rf"system|{Version.pattern.pattern}")
    shape = "a version such as '3.10.2', nor 'system'"


class Sha256(_Pattern):
    """The digest of a tarball."""

    __slots__ = ()
    pattern = re.compile(r"[0-9a-f]{64}")
    shape = "a sha256, 64 hex digits"

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the digest in lower case."""
        return super().checked(text.lower())
