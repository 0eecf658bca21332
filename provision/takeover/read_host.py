"""Parse the output of ``print_existing.sh``: the time services that a host has before a deployment."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from posixpath import basename, dirname

from provision.common.errors import ParseError
from provision.host import scripts
from provision.host.paths import ROOT, is_in_run
from provision.takeover.command_line import parse_chronyd
from provision.takeover.existing import STAYING, ConfigFile, ExistingService, Program
from provision.takeover.key_files import with_key_file_in_force

PROGRAMS = {
    "chrony": Program.CHRONY,
    "ntpd": Program.NTPD,
    "openntpd": Program.OPENNTPD,
    "ntpd-rs": Program.NTPD_RS,
    "timesyncd": Program.TIMESYNCD,
    "other": Program.OTHER,
}
DIRECTIVES = "directives of the command line"
"""They stand in place of a configuration file that was not read."""
_VERSION = re.compile(r"(?:version |ntpd |ntpsec-|ntp-daemon |systemd )(?P<version>[0-9][0-9A-Za-z.@+~-]{0,40})")
_FILES = ("file", "keys", "unit", "override", "environment")


@dataclass(slots=True)
class _File:
    """A file as the script printed it."""

    kind: str
    path: str
    is_packaged: bool = False
    lines: list[str] = field(default_factory=list)

    @property
    def config(self) -> ConfigFile:
        return ConfigFile(path=self.path, text="".join(f"{line}\n" for line in self.lines))

    @property
    def is_unchanged(self) -> bool:
        """Return whether it holds no decision of an administrator."""
        # What was written since the boot, such as by a DHCP client, is no administrator's change.
        if self.is_packaged or is_in_run(self.path):
            return True
        if self.kind == "override":
            return basename(dirname(self.path)) in STAYING
        return self.kind == "keys" and not any(line.split() and line.lstrip()[0].isdecimal() for line in self.lines)


@dataclass(slots=True)
class _Service:
    """A service as the script printed it."""

    unit: str
    values: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    files: list[_File] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def add(self, name: str, value: str) -> None:
        """Add a line of the output. Raises ParseError."""
        if name in _FILES:
            self.files.append(_File(name, value))
        elif name == "own" and self.files:
            self.files[-1].is_packaged = value == "yes"
        elif name == "word":
            self.words.append(value)
        elif name == "unread":
            self.unread.append(value)
        elif name in {"runs", "kind", "version"}:
            self.values[name] = value
        else:
            raise ParseError(f"unknown line about the time service of the host: {name[:40]!r}")


def existing_script(*, secrets: bool = False) -> str:
    """Return the read-only script; with ``secrets``, it prints whole keys, for an import."""
    return scripts.load("print_existing", ROOT, "yes" if secrets else "no")


def parse_existing(text: str) -> tuple[ExistingService, ...]:
    """Return the time services, those that run first; none on a host with a deployment. Raises ParseError."""
    lines = text.split("\n")
    while lines and not lines[-1]:
        lines.pop()
    if lines == ["deployed"]:
        return ()
    if not lines or lines[-1] != "finished":
        raise ParseError("the answer about the existing time service is incomplete; the host may have been cut off")
    return tuple(_existing(service) for service in _services(lines[:-1]))


def _services(lines: Iterable[str]) -> Iterator[_Service]:
    """Yield the services of the output. Raises ParseError."""
    service = None
    for line in lines:
        name, mark, value = line.partition("=")
        if line.startswith(">") and service is not None and service.files:
            service.files[-1].lines.append(line[1:])
        elif name == "service":
            if service is not None:
                yield service
            service = _Service(value)
        elif mark and service is not None:
            service.add(name, value)
        else:
            raise ParseError(f"a line about the time service of the host cannot be read: {line[:40]!r}")
    if service is not None:
        yield service


def _existing(said: _Service) -> ExistingService:
    kind = said.values.get("kind", "")
    if kind not in PROGRAMS:
        raise ParseError(f"the host has a time service of an unknown kind: {kind[:40]!r}")
    version = said.values.get("version", "")
    own_units = [file.path for file in said.files if file.kind == "unit" and not file.is_packaged]
    if kind == "chrony" and parse_chronyd(said.words).directives:
        # chronyd cuts them into words where the kernel shows its command line, and systemd shows no quotation marks.
        said.unread.append(DIRECTIVES)
    found = ExistingService(
        program=_program(kind, version),
        version=_version(version),
        unit=said.unit,
        command=tuple(said.words),
        overrides=_configs(said, "override", changed=True),
        files=_configs(said, "file"),
        key_files=_configs(said, "keys"),
        unread=tuple(said.unread),
        runs=said.values.get("runs") == "yes",
        own_unit="".join(own_units[:1]),
        is_default=_is_default(said, kind),
    )
    return with_key_file_in_force(found)


def _configs(said: _Service, kind: str, *, changed: bool = False) -> tuple[ConfigFile, ...]:
    """Return the files of a kind; with ``changed``, only those that are not a package's own."""
    return tuple(file.config for file in said.files if file.kind == kind and not (changed and file.is_unchanged))


def _program(kind: str, version: str) -> Program:
    if kind == "ntpd" and "ntpsec" in version:
        return Program.NTPSEC
    return PROGRAMS[kind]


def _version(line: str) -> str:
    found = _VERSION.search(line)
    if found is None:
        return ""
    return found["version"]


def _is_default(said: _Service, kind: str) -> bool:
    """Return whether the service is as its package installed it."""
    if not said.unit or kind == "other" or said.unread:
        return False
    return all(file.is_unchanged for file in said.files)
