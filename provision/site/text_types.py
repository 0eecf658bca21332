"""Define the types of text in a site file; each checks its value when it is created.

They are subclasses of ``str``, and render, compare and serialise like text.
"""

import re
import shlex
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import ClassVar, Self

from provision.common.text import quoted


class Refused(ValueError):  # noqa: N818 -- what happened, in the past tense
    """An invalid value of the site; ``key`` is its path, relative to the table or value that found the fault."""

    def __init__(self, why: str, *, key: str = "") -> None:
        super().__init__(why)
        self.key = key


def check_printable(text: str) -> None:
    """Raise Refused for newlines and other control characters, which could start another line of chrony.conf."""
    for character in text:
        if not character.isprintable():
            raise Refused(f"the character {character!r} cannot be part of a value")


class Text(str):
    """Text that is checked and normalised when it is created."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check and normalise the text. Raises Refused."""
        check_printable(text)
        return super().__new__(cls, cls.checked(text))

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the normalised text. Raises Refused."""
        raise NotImplementedError


_BRACKETED = re.compile(r"\[.*\]")
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_HOSTNAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?")


class Address(Text):
    """A host name (RFC 1123, underscores as in DNS) or an IP address, without a zone.

    An IPv6 address may stand in brackets, as in ``--host`` and in URIs.
    """

    __slots__ = ()

    @classmethod
    def checked(cls, text: str) -> str:
        """Return a host name unchanged, and an IP address in its shortest form, without brackets."""
        try:
            address = str(IPv6Address(text[1:-1]) if _BRACKETED.fullmatch(text) else ip_address(text))
        except ValueError:
            address = text
            # A name that ends in a number is an invalid IP address: 10.0.0, 10.0.0.256.
            if not _HOSTNAME.fullmatch(text) or text.rstrip(".").rpartition(".")[2].isdigit():
                raise Refused(f"{quoted(text)} is neither a host name nor an IP address") from None
        if "%" in address:
            raise Refused(f"{quoted(text)} names a network interface, which chrony does not take")
        return address

    @property
    def identity(self) -> str:
        """Return a value that is equal for two spellings of the same address."""
        return self.lower().rstrip(".")


_SHORT = re.compile(r"(?P<numbers>[0-9]+(?:\.[0-9]+){0,2})/(?P<bits>[0-9]+)")


class Network(Text):
    """An IP network, ``ADDRESS/BITS``, a single address, or chrony's abbreviation ``10/8`` for 10.0.0.0/8."""

    __slots__ = ()

    @classmethod
    # The same networks are read again for each host of a site, and again in each table that contains the other.
    @lru_cache(maxsize=100_000)
    def checked(cls, text: str) -> str:
        """Return the complete network, such as ``10.0.0.0/8``."""
        if text.lower() == "all":
            raise Refused(f"{quoted(text)} is no network; for everyone, write 0.0.0.0/0 and ::/0")
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
        """Return the network as an object of the ipaddress module."""
        return ip_network(self)


class HostPath(Text):
    """The absolute path of a file or folder on the host, without blanks, which chrony.conf does not permit."""

    __slots__ = ()

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the path without a trailing slash."""
        if not text.startswith("/") or " " in text or ".." in text.split("/"):
            raise Refused(f"{quoted(text)} is no absolute path without blanks and without '..'")
        return text.rstrip("/") or "/"

    def is_below(self, folder: str) -> bool:
        """Return whether the path is inside the folder, at any depth."""
        return self.startswith(f"{folder}/")


HOST_PREFIX = "host:"
"""The beginning of a path on the host, where a path on this machine can stand, too."""


class CertificateFile(Text):
    """The path of a file on this machine, or, after ``host:``, on the host."""

    __slots__ = ()

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the path; one on the host without a trailing slash."""
        if not text.startswith(HOST_PREFIX):
            return text
        path = HostPath(text.removeprefix(HOST_PREFIX))
        # LoadCredential=NAME:PATH separates by a colon, and systemd reads % in it as a specifier.
        if ":" in path or "%" in path:
            raise Refused(
                f"{quoted(text)}: systemd interprets ':' and '%' in a path on the host; name a link without them"
            )
        return f"{HOST_PREFIX}{path}"

    @property
    def is_on_host(self) -> bool:
        """Return whether it is a file of the host."""
        return self.startswith(HOST_PREFIX)

    @property
    def path(self) -> str:
        """Return the path without the prefix."""
        return self.removeprefix(HOST_PREFIX)


class Command(Text):
    """A command of this machine, split into words as by a shell; no shell runs it."""

    folder: Path
    """The working folder: that of the site file."""

    @classmethod
    def run_in(cls, folder: Path, text: str) -> Self:
        """Return a command. Raises Refused."""
        command = cls(text)
        command.folder = folder
        return command

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the command unchanged."""
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
    """Text that matches a pattern."""

    __slots__ = ()
    pattern: ClassVar[re.Pattern[str]]
    shape: ClassVar[str]

    @classmethod
    def checked(cls, text: str) -> str:
        """Return the text unchanged."""
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
