"""Declare the options of all tasks: for each its type, its default, its limits and its help.

A task parses its options into a value of :class:`Options`, or of a subclass with the options that only this task has.
An option that a task does not offer keeps its default. A bad value raises UsageError before the site file is read.

This module is imported by ``--list``: a property that needs more imports it when it is called.
"""
# ruff: noqa: PLC0415, RUF009 -- see above; a function that declares an option returns a field

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from provision.cli.option import argument, arguments, flag, number, path, several, text, wrong_clock
from provision.cli.values import (
    chrony_version,
    debian_platform,
    existing_file,
    existing_folder,
    exists,
    ip_addresses,
    nettle_version,
    new_file_or_standard_output,
    new_folder,
    new_regular_file,
    new_regular_file_or_standard_output,
    program_kind,
    scheduler_address,
)

if TYPE_CHECKING:
    from provision.fleet.executor import Fleet
    from provision.site.settings import RunOptions

SITE_FILE = Path("site.toml")
"""The site file of a command that names none, if it exists."""

REPORTS = ("json", "junit", "markdown")
"""The options that name a file for the report: as provision.output.report_files.FORMATS, without its imports."""


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
    json: Path | None = path("write the report to this file as JSON; - is standard output", new_file_or_standard_output)
    junit: Path | None = path(
        "write the report to this file as JUnit XML; - is standard output", new_file_or_standard_output
    )
    markdown: Path | None = path(
        "write a summary to this file as Markdown; - is standard output", new_file_or_standard_output
    )
    accept_new: bool = flag("learn the SSH keys of hosts that are not in known_hosts; a changed key is always refused")
    chrony: str = text("chrony release to build, such as 4.9; overrides the site file", parser=chrony_version)
    nettle: str = text(
        "Nettle release to build, such as 3.10.2, or system for the distribution's Nettle; overrides the site file",
        parser=nettle_version,
    )
    sources: Path | None = path(
        "folder with the source tarballs, for a machine without Internet access", existing_folder
    )
    bundle: Path | None = path(
        "file written by inv bundle; tarballs and artifacts are taken from it and are not downloaded", existing_file
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
        parser=scheduler_address,
    )
    no_activate: bool = flag(
        "build, stage and rehearse only; switch nothing; works without systemd, for example for an image"
    )
    replace: bool = flag(
        "replace a time service that somebody has configured on the host, and lose the settings that the report names"
    )
    diff: bool = flag("also show each step with its reason, and the whole text of each new or changed file as a diff")
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
    def report_paths(self) -> dict[str, Path | None]:
        """Return option → path of each file for the report; None: the option was not given."""
        return {name: getattr(self, name) for name in REPORTS}

    @property
    def no_site_hint(self) -> str:
        """Return the end of an error that a site file might have prevented; empty if there is one."""
        from provision.site.settings import no_site_hint

        return no_site_hint(self._folder_without_site)

    @property
    def _folder_without_site(self) -> str:
        if self.site_file is not None:
            return ""
        return str(Path.cwd())

    @property
    def run_options(self) -> "RunOptions":
        """Return the part that decides about the settings of each host."""
        from provision.site.settings import RunOptions

        return RunOptions(
            site_file=self.site_file,
            folder_without_site=self._folder_without_site,
            chrony=self.chrony,
            nettle=self.nettle,
            sources=self.sources,
            offline=self.bundle is not None,
            unit_tests=self.unit_tests,
            accept_new=self.accept_new,
            sync_timeout=self.sync_timeout,
            lock_timeout=self.lock_timeout,
            confirm_timeout=self.confirm_timeout,
            replace=self.replace,
        )

    @property
    def fleet(self) -> "Fleet":
        """Return the part that decides about the order of the hosts, and where their work is done."""
        from provision.fleet.executor import Fleet

        return Fleet(parallel=self.parallel, max_failures=self.max_failures, scheduler=self.scheduler)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions(Options):
    """The options of ``build``."""

    platform: str = text(
        "build for this platform ahead of time, such as bookworm/amd64, in a sandbox of this machine, and on no host",
        parser=debian_platform,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions(Options):
    """The options of ``verify``."""

    evidence: Path | None = path(
        "write the report, the raw answers of the hosts and a manifest of their digests to this new folder", new_folder
    )
    check_evidence: Path | None = path(
        "check that nobody altered the files of this folder of evidence; no host is asked", existing_folder
    )
    rules: tuple[str, ...] = several(
        "with --evidence: judge these rules by the findings: cis, stig, or a file; may be given several times"
    )
    sign_key: Path | None = path("sign the evidence with the OpenPGP secret key in this file", existing_file)
    sign_passphrase: Path | None = path(
        "file whose first line is the passphrase of --sign-key (default: it is asked for at the terminal)",
        existing_file,
    )
    sign_cert: Path | None = path(
        "with --check-evidence: file with the OpenPGP certificate that has to have signed it", existing_file
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusOptions(Options):
    """The options of ``status``."""

    metrics: Path | None = path(
        "write metrics to this file in the format of OpenMetrics, for node_exporter; - is standard output",
        new_regular_file_or_standard_output,
    )
    nagios: bool = flag(
        "print the output of a monitoring plugin alone, and end with its exit status: 0 OK, 1 WARNING, 2 CRITICAL, "
        "3 UNKNOWN"
    )
    watch: int | None = number(
        "ask again every SECONDS over the same connections, and show a table, until Ctrl-C (default: ask once; without "
        "a number: 5)",
        None,
        meaning="a number of seconds",
        least=1,
        most=3600,
        bare=5,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions(Options):
    """The options of ``import``."""

    file: Path | None = path("configuration file on this machine, in place of a host", existing_file)
    kind: str = text(
        "program of --file: chrony, ntpd, ntpsec or systemd-timesyncd (default: guessed from its name and text)",
        parser=program_kind,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions(Options):
    """The options of ``bundle``."""

    file: Path = argument("file to write", new_regular_file)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessOptions(Options):
    """The options of ``access``."""

    addresses: tuple[str, ...] = arguments("IP addresses of clients, with blanks between them", ip_addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOptions(Options):
    """The options of ``site``."""

    conf: bool = flag("also show the chrony.conf of each host, and the assumptions about the host")
    lint: bool = flag(
        "also show lines with another effect than intended, by docs/lint.md; exit status 1: there are any"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions(Options):
    """The options of ``report``."""

    html: Path | None = path("page to write; required", new_regular_file)
    earlier: tuple[Path, ...] = several(
        "report of inv status --json or inv report --json, for the plots; may be given several times", existing_file
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasesOptions(Options):
    """The options of ``releases``."""

    offline: bool = flag("do not ask upstream for the newest releases")


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions(Options):
    """The options of ``sandbox.up``."""

    name: str = text("name of the sandbox (default: its suite; of a virtual machine: vm)")
    suite: str = text(
        "bullseye, bookworm (default), trixie, forky, testing, sid or bookworm-i386; "
        "with --vm: bookworm, bookworm-arm64 or trixie-armhf",
        "bookworm",
    )
    vm: bool = flag("boot a virtual machine, which has a clock of its own; QEMU emulates it, so it is slow")
    clock: timedelta | None = wrong_clock(
        "how wrong the clock of a virtual machine is at its boot, such as '40 days behind' or '3 hours ahead'"
    )

    @property
    def sandbox_name(self) -> str:
        """Return the name of the sandbox."""
        if self.vm:
            return self.name or "vm"
        return self.name or self.suite


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxDownOptions(Options):
    """The options of ``sandbox.down``."""

    name: tuple[str, ...] = several("name of a sandbox; may be given several times")
    all: bool = flag("every sandbox of this account")
