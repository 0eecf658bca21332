"""Declare the options of all tasks: for each its type, its default, its limits and its help.

A task parses its options into a value of :class:`Options`, or of a subclass with the options that only this task has.
An option that a task does not offer keeps its default. A bad value raises UsageError before the site file is read.

This module is imported by ``--list``: a parser that needs more imports it when it is called.
"""
# ruff: noqa: PLC0415, RUF009 -- see above; a function that declares an option returns a field

import re
import stat
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.common.errors import SiteError, UsageError
from provision.common.text import shown

if TYPE_CHECKING:
    from provision.fleet.executor import Fleet
    from provision.site.settings import RunOptions

SITE_FILE = Path("site.toml")
"""The site file of a command that names none, if it exists."""

LARGEST_ID = 4294967295
"""As provision.keys.MAX_ID, without its imports."""
LONGEST_KEY = 512
"""In bytes, as of ``chronyc keygen``."""
MOST_KEYS = 1_000_000
MOST_DAYS = 3650

Parser = Callable[[str, str], object]
"""Returns the value of an option; called with the option, such as ``--parallel``, and its text. Raises UsageError."""


@dataclass(frozen=True, slots=True)
class Option:
    """Describe one option of the command line."""

    name: str
    """As an attribute: ``max_failures`` for ``--max-failures``."""
    kind: type
    """How the command line takes it: ``bool`` for a flag, ``list`` if it may be repeated, else ``int`` or ``str``."""
    default: Any
    """The value if the option is not given; None also for a positional argument, which is required."""
    help: str
    positional: bool
    parser: Parser

    @classmethod
    def of(cls, declared: "Field[Any]") -> "Option":
        """Return the option that a field of :class:`Options` declares."""
        default = None if declared.default is MISSING else declared.default
        return cls(name=declared.name, default=default, **declared.metadata)

    @property
    def flag(self) -> str:
        """Return the option as it is typed: ``--max-failures``."""
        return f"--{self.name.replace('_', '-')}"

    def parse(self, text: str) -> Any:
        """Return the value of a text; an empty text is an option that was not given. Raises UsageError."""
        if text == "" and self.kind is str:
            return self.default
        return self.parser(self.flag, text)


def options_of(kind: "type[Options]") -> dict[str, Option]:
    """Return all options that a dataclass declares, by name."""
    return {declared.name: Option.of(declared) for declared in fields(kind)}


def _declare(
    kind: type, help_: str, parser: Parser, default: object = MISSING, *, positional: bool = False
) -> Any:  # a field, which stands for a value of the type that the class says
    metadata = {"kind": kind, "help": help_, "positional": positional, "parser": parser}
    return field(default=default, metadata=metadata)


def _verbatim(_: str, text: str) -> str:
    return text


def _path(_: str, text: str) -> Path:
    return Path(text)


def _is_folder(path: Path, complaint: str) -> bool:
    """Return whether an existing path is a folder. Raises UsageError."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        raise UsageError(f"{complaint}: {error.strerror}") from error


def exists(path: Path, complaint: str) -> bool:
    """Return whether there is something at a path. Raises UsageError if that cannot be told, as for a long name."""
    try:
        return path.exists()
    except OSError as error:
        raise UsageError(f"{complaint}: {error.strerror}") from error


def _folder(flag: str, text: str) -> Path:
    complaint = f"{flag} {shown(text)}: cannot be used"
    if not _is_folder(Path(text), complaint):
        raise UsageError(f"{complaint}: Not a directory")
    return Path(text)


def new_file(flag: str, text: str) -> Path:
    """Return the path of a file that can be written, in an existing folder. Raises UsageError."""
    path_ = Path(text)
    complaint = f"{flag} {shown(text)}: cannot be written"
    if not _is_folder(path_.parent, complaint):
        raise UsageError(f"{complaint}: Not a directory")
    if exists(path_, complaint) and _is_folder(path_, complaint):
        raise UsageError(f"{complaint}: Is a directory")
    return path_


def _report_file(flag: str, text: str) -> Path:
    if text == "-":
        return Path(text)
    return new_file(flag, text)


def _existing_file(flag: str, text: str) -> Path:
    complaint = f"{flag} {shown(text)}: cannot be read"
    if _is_folder(Path(text), complaint):
        raise UsageError(f"{complaint}: Is a directory")
    return Path(text)


def _scheduler(_: str, text: str) -> str:
    from provision.fleet.dask_address import check_address

    try:
        check_address(text)
    except SiteError as error:
        raise UsageError(str(error)) from error
    return text


def _chrony_version(flag: str, text: str) -> str:
    from provision.site.text_types import Refused, Version

    try:
        return Version(text)
    except Refused as error:
        raise UsageError(f"{flag}: {error}") from error


def _nettle_version(flag: str, text: str) -> str:
    from provision.site.text_types import NettleVersion, Refused

    try:
        return NettleVersion(text)
    except Refused as error:
        raise UsageError(f"{flag}: {error}") from error


def _address(flag: str, text: str) -> str:
    from provision.site.text_types import Address, Refused

    try:
        return Address(text)
    except Refused as error:
        raise UsageError(f"{flag}: {error}") from error


def _format(flag: str, text: str) -> str:
    from provision.common.text import quoted
    from provision.keys.export import FORMATS
    from provision.site.text_types import nearest

    if text not in FORMATS:
        raise UsageError(f"{flag} {quoted(text)}: there are {', '.join(FORMATS)}{nearest(text.lower(), FORMATS)}")
    return text


def text(help_: str, default: str = "", parser: Parser = _verbatim) -> Any:
    """Declare an option whose value is a text."""
    return _declare(str, help_, parser, default)


def path(help_: str, parser: Parser = _path) -> Any:
    """Declare an option whose value is a path, or None."""
    return _declare(str, help_, parser, None)


def flag(help_: str) -> Any:
    """Declare an option without a value, which is False unless it is given."""
    return _declare(bool, help_, _verbatim, default=False)


def several(help_: str, parser: Parser = _verbatim) -> Any:
    """Declare an option that may be given several times; its value is a tuple of texts."""
    return _declare(list, help_, parser, ())


def argument(help_: str, parser: Parser = _verbatim) -> Any:
    """Declare an argument that is given by its position, and is required."""
    return _declare(str, help_, parser, positional=True)


def number(help_: str, default: int | None, *, meaning: str, least: int, most: int) -> Any:
    """Declare an option whose value is a number in a range; ``meaning`` names it in errors: ``a number of hosts``."""

    def parse(flag: str, text: str) -> int:
        # int() also takes " 7", "1_000" and digits of other scripts.
        if re.fullmatch("[0-9]{1,10}", text) and least <= int(text) <= most:
            return int(text)
        raise UsageError(f"{flag} {shown(text)}: expected {meaning} from {least} to {most}")

    shown_default = "" if default is None else f" (default: {default})"
    return _declare(int, f"{help_}{shown_default}", parse, default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a command line, parsed."""

    host: tuple[str, ...] = several(
        "host or group of the site (default: all hosts); without a site that lists hosts: name, user@name:port, a Host "
        "of ~/.ssh/config, local, sandbox or sandbox:NAME; may be given several times"
    )
    limit: tuple[str, ...] = several("of the chosen hosts, work only on this host or group; may be given several times")
    exclude: tuple[str, ...] = several("leave out this host or group; may be given several times")
    site: Path | None = path("site file (default: site.toml if it exists, else built-in defaults)")
    json: Path | None = path("write the report to this file as JSON; - is standard output", _report_file)
    accept_new: bool = flag("learn the SSH keys of hosts that are not in known_hosts; a changed key is always refused")
    chrony: str = text("chrony release to build, such as 4.9; overrides the site file", parser=_chrony_version)
    nettle: str = text(
        "Nettle release to build, such as 3.10.2, or system for the distribution's Nettle; overrides the site file",
        parser=_nettle_version,
    )
    sources: Path | None = path("folder with the source tarballs, for a machine without Internet access", _folder)
    bundle: Path | None = path(
        "file written by inv bundle; tarballs and artifacts are taken from it and are not downloaded", _existing_file
    )
    unit_tests: bool = flag("also run chrony's own unit tests after a build")
    sync_timeout: int = number(
        "seconds to wait until the clock is synchronised", 60, meaning="a number of seconds", least=0, most=9999
    )
    lock_timeout: int = number(
        "seconds to wait if another run is at work on the host", 0, meaning="a number of seconds", least=0, most=86400
    )
    confirm_timeout: int = number(
        "seconds without a confirmation after which a host rolls back; the proof starts them anew",
        90,
        meaning="a number of seconds",
        least=15,
        most=3600,
    )
    parallel: int = number("hosts to work on at the same time", 16, meaning="a number of hosts", least=1, most=1000)
    max_failures: int | None = number(
        "start no further host after this many have failed (default: no limit)",
        None,
        meaning="a number of hosts",
        least=1,
        most=1_000_000,
    )
    retry: bool = flag("work only on the hosts on which the last run of this task did not succeed")
    scheduler: str = text(
        "address of a Dask scheduler, tls://name:8786; its workers do the work (default: this machine does it)",
        parser=_scheduler,
    )
    no_activate: bool = flag(
        "build, stage and rehearse only; switch nothing; works without systemd, for example for an image"
    )
    to: str = text("generation to switch to, as shown by inv history (default: the previous one)")
    purge: bool = flag("also remove builds, generations and their keys, state, and the account if deploy created it")

    @property
    def site_file(self) -> Path | None:
        """Return the site file: the named one, or site.toml if it exists. Raises UsageError in a shut folder."""
        if self.site is not None:
            return self.site
        if exists(SITE_FILE, f"{SITE_FILE}: cannot be looked for in this folder; name a site file with --site"):
            return SITE_FILE
        return None

    @property
    def run_options(self) -> "RunOptions":
        """Return the part that decides about the settings of each host."""
        from provision.site.settings import RunOptions

        return RunOptions(
            site_file=self.site_file,
            chrony=self.chrony,
            nettle=self.nettle,
            sources=self.sources,
            offline=self.bundle is not None,
            unit_tests=self.unit_tests,
            accept_new=self.accept_new,
            sync_timeout=self.sync_timeout,
            lock_timeout=self.lock_timeout,
            confirm_timeout=self.confirm_timeout,
        )

    @property
    def fleet(self) -> "Fleet":
        """Return the part that decides about the order of the hosts, and where their work is done."""
        from provision.fleet.executor import Fleet

        return Fleet(parallel=self.parallel, max_failures=self.max_failures, scheduler=self.scheduler)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions(Options):
    """The options of ``bundle``."""

    file: str = argument("file to write")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasesOptions(Options):
    """The options of ``releases``."""

    offline: bool = flag("do not ask upstream for the newest releases")


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions(Options):
    """The options of ``sandbox.up``."""

    name: str = text("name of the sandbox (default: its suite)")
    suite: str = text("bullseye, bookworm (default), trixie or sid", "bookworm")


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxDownOptions(Options):
    """The options of ``sandbox.down``."""

    name: tuple[str, ...] = several("name of a sandbox; may be given several times")
    all: bool = flag("every sandbox of this machine, whoever booted it")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions(Options):
    """The options of ``keys.add``."""

    count: int = number("keys to add", 1, meaning="a number of keys", least=1, most=MOST_KEYS)
    type: str = text("key type: AES128 (default), AES256, SHA1, SHA256, SHA512 …", "AES128")
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
    type: str = text("type of the new key (default: the type of the old key)")
    overlap: int = number(
        "days for which the old key stays, for devices that this tool does not manage",
        0,
        meaning="a number of days",
        least=0,
        most=MOST_DAYS,
    )
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
        _format,
    )
    to_folder: Path | None = path("folder to write a file for each key to, such as key-7.h; made if it does not exist")
    server: tuple[str, ...] = several(
        "address of a server for the client, in order; may be given several times (default: the site's servers that "
        "have the keys)",
        _address,
    )
    force: bool = flag("replace existing files")
