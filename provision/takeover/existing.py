"""Describe the time service of a host that this tool did not deploy."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from posixpath import basename, dirname

STAYING = {"chronyd.service.d", "service.d"}
"""Folders of drop-ins that apply to the unit of a deployment, too: systemd.unit(5). chronyd.service may be an alias."""
_SHORT_DIGEST = re.compile("[0-9a-f]{4}")


class Program(StrEnum):
    """Name a program that keeps time."""

    CHRONY = "chrony"
    NTPD = "ntpd"
    """ntpd of ntp.org."""
    NTPSEC = "ntpsec"
    TIMESYNCD = "systemd-timesyncd"
    OPENNTPD = "openntpd"
    NTPD_RS = "ntpd-rs"
    OTHER = "another program"
    """A program whose configuration this tool does not read, such as phc2sys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """One configuration file of a time service, without key files."""

    path: str
    """On the host, or on this machine for an import from files."""
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """A key in a key file, without its secret."""

    id: int
    type: str
    """As the file names it; ntp.keys(5) has other names than chrony."""
    place: str
    """``FILE:LINE``."""
    short_digest: str = ""
    """:attr:`provision.keys.Key.short_digest`; empty if the host could not compute it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingService:
    """The time service that runs on a host, or would run after a boot, and its whole configuration."""

    program: Program
    version: str = ""
    """As the program prints it, such as ``4.3``; empty if it is unknown."""
    unit: str = ""
    """The systemd unit, such as ``chrony.service``; empty for a process that no unit started."""
    command: tuple[str, ...] = ()
    """The command line of its process, or of ExecStart= with its variables expanded if it does not run."""
    overrides: tuple[ConfigFile, ...] = ()
    """Drop-ins of the unit that are not a package's own."""
    files: tuple[ConfigFile, ...] = ()
    """The main configuration file first, then all files that it includes, in no certain order."""
    key_files: tuple[ConfigFile, ...] = field(default=(), repr=False)
    """Files with keys: secrets, which no message and no report may contain. Only an import reads the secrets;
    otherwise, each line is an id, a type and a short digest."""
    unread: tuple[str, ...] = ()
    """Configuration files that were not read, or not to their end: unreadable, too large or too many."""
    runs: bool = False
    """Whether it runs now; otherwise, it is enabled."""
    own_unit: str = ""
    """The file of its unit if an administrator has written it, in /etc; empty for a package's unit file."""
    is_default: bool = False
    """Whether all of this is the distribution's own and unchanged, so that nobody's decision is lost with it."""

    @property
    def name(self) -> str:
        """Return the unit or, of a process that no unit started, its program, for messages."""
        if self.unit:
            return self.unit
        return " ".join(self.command[:1]) or self.program.value

    @property
    def lost_settings(self) -> Iterator[tuple[str, str]]:
        """Yield place and text of each line of a drop-in that does not apply to the unit of a deployment.

        ExecStart= is left out: the command line is compared and imported.
        """
        for file in self.overrides:
            if basename(dirname(file.path)) in STAYING:
                continue
            for number, line in enumerate(file.text.splitlines(), start=1):
                setting = line.strip()
                if setting and setting[0] not in "[#;" and not setting.startswith("ExecStart="):
                    yield f"{file.path}:{number}", setting

    @property
    def listed_keys(self) -> Iterator[ListedKey]:
        """Yield the keys of its key files."""
        for file in self.key_files:
            for number, line in enumerate(file.text.splitlines(), start=1):
                words = line.split()
                if len(words) > 1 and words[0].isascii() and words[0].isdecimal():
                    digest = "".join(word for word in words[2:] if _SHORT_DIGEST.fullmatch(word))
                    place = f"{file.path}:{number}"
                    yield ListedKey(id=int(words[0][:20]), type=words[1], place=place, short_digest=digest)
