"""Run the operation of a task on the hosts of a command line, and report the result."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from provision.cli import streams
from provision.cli.first_keys import refuse_unattended
from provision.cli.options import Options
from provision.cli.refused_report import write_refused
from provision.common.errors import ProvisionError, UsageError
from provision.common.text import shown
from provision.deploy.run import Operation
from provision.deploy.secrets import Secrets
from provision.fleet.retry import Failed
from provision.fleet.turns import turns_of_servers
from provision.host.session import address_of, known_address, refuse_missing
from provision.host.target import Target
from provision.keys.reader import KeyReader
from provision.output.audit.folder import EvidenceFolder, no_evidence
from provision.output.command_report import CommandReport
from provision.output.fleet_text import fleet_text
from provision.output.progress.lines import Lines
from provision.output.report import Report
from provision.output.report_files import ReportFiles
from provision.site.settings import Settings, all_releases, settings_of_hosts
from provision.verify.server_keys import has_refused_keys, tell_key_faults_apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An operation on hosts, and the properties of its task."""

    task: str
    """The name of the task, under which ``--retry`` finds the hosts that failed."""
    operation: Operation
    configures: bool = True
    """Whether the operation needs the servers that each host follows, and the operator's keys."""
    rolling: bool = False
    """Whether the operation may interrupt a time service, so that servers of a group have to take turns."""
    plans: bool = False
    """Whether the operation only says what a deployment would change."""
    tabulates: bool = False
    """Whether the results on several hosts are a table with a line for each."""
    watch: int | None = None
    """Ask the hosts again after so many seconds, until Ctrl-C; None: ask once."""
    makes_keys: bool = False
    """Whether the operation makes the first keys, or says that it would."""
    needs_names: bool = False
    """Whether hosts have to be named, for the operation must not work on all hosts of a site by mistake."""
    boots_new: bool = False
    """Whether a sandbox that does not exist is created. Other operations refuse it, for its name may be mistyped."""

    def run(
        self,
        options: Options,
        secrets: Secrets,
        *,
        open_evidence: Callable[[], EvidenceFolder] = no_evidence,
        note: Callable[[list[Report]], None] = lambda _: None,
        finish: Callable[[list[Report]], None] = lambda _: None,
    ) -> list[Report]:
        """Run the operation on each host; return the reports. Raises ProvisionError.

        ``open_evidence`` returns the folder of evidence to write; it is called before any host is asked. When the hosts
        were tried, also after Ctrl-C or a bug, ``note`` is called with the reports, and the summary is printed, also if
        the report cannot be written. ``finish`` is called with the reports of a command that did not end early; the
        report files have its error, too.
        """
        with (
            ReportFiles(options.report_paths, self.task, site_file_of(options, self.task)) as files,
            open_evidence() as evidence,
        ):
            failed = Failed.of(self.task, options.site_file)
            host_settings = self._chosen(options, secrets, failed)

            if self.watch is not None:
                files.report.hosts = self._watch(self.watch, options, host_settings, secrets)
                streams.check()
                return files.report.hosts

            def keep(reports: list[Report]) -> None:
                _tell_key_faults_apart(reports, options)
                files.report.hosts = reports
                note(reports)
                failed.note(reports)
                files.report.summary = self._summary(reports, options, host_settings)
                self._print_summary(files.report)

            reports = options.fleet.run(
                self.operation,
                host_settings,
                secrets,
                rolling=self.rolling,
                plans=self.plans,
                shows_steps=not self.plans and not (self.tabulates and len(host_settings) > 1),
                keep=keep,
            )
            # Here, so that the report files have the error, too.
            streams.check()
            _write_evidence(evidence, files.report)
            finish(reports)
            return reports

    def _chosen(self, options: Options, secrets: Secrets, failed: Failed) -> Sequence[tuple[Target, Settings]]:
        """Return the hosts to work on, at least one, after all checks that need no host. Raises ProvisionError."""
        if self.needs_names:
            _require_names(options)
        host_settings = self._settings(options, secrets.keys)
        if options.bundle is not None:
            unpack_bundle(options.bundle, options)
        if options.retry:
            host_settings = failed.among(host_settings)
        if not host_settings:
            raise UsageError(f"no host; say --host NAME, --host local or --host sandbox{options.no_site_hint}")
        if not self.boots_new:
            refuse_missing(target for target, _ in host_settings)
        if self.makes_keys:
            refuse_unattended(host_settings)
        return host_settings

    def _watch(
        self, seconds: int, options: Options, host_settings: Sequence[tuple[Target, Settings]], secrets: Secrets
    ) -> list[Report]:
        """Show the states of the hosts until Ctrl-C; return the last ones. Raises UsageError, SiteError."""
        # Imported here, because most runs do not need it.
        from provision.fleet import capacity  # noqa: PLC0415
        from provision.fleet.watch import MOST_HOSTS, Watch  # noqa: PLC0415
        from provision.output.progress.status_board import StatusBoard  # noqa: PLC0415

        if options.scheduler:
            raise UsageError("--watch keeps connections of this machine; leave --scheduler out")
        if len(host_settings) > MOST_HOSTS:
            raise UsageError(
                f"--watch keeps a connection to each of at most {MOST_HOSTS} hosts, and there are "
                f"{len(host_settings)}; choose some with --host or --exclude"
            )
        capacity.provide(len(host_settings), "watch at most")
        with StatusBoard(seconds) as board:
            watch = Watch(seconds=seconds, parallel=options.parallel, quiet=board.quiet)

            def show(reports: list[Report]) -> None:
                _tell_key_faults_apart(reports, options)
                board.show(reports)

            reports = watch.run(self.operation, host_settings, secrets, show)
        _tell_key_faults_apart(reports, options)
        return reports

    def _print_summary(self, report: CommandReport) -> None:
        """Print the table of the hosts or, if there is one, the text about all of them."""
        if self.tabulates and len(report.hosts) > 1:
            from provision.output.progress.status_board import print_status  # noqa: PLC0415 -- a table, of a few tasks

            print_status(report.hosts)
        elif report.summary:
            print(shown(report.summary), flush=True)

    def _summary(
        self, reports: Sequence[Report], options: Options, host_settings: Sequence[tuple[Target, Settings]]
    ) -> str:
        """Return the text about all hosts: a plan, or the summary of several hosts; empty for a single host."""
        if self.plans:
            from provision.output.plan import plan_text  # noqa: PLC0415 -- only a plan needs it

            return plan_text(
                reports,
                diffs=options.diff,
                builders={settings.site.rollout.builder for _, settings in host_settings},
                closing=turns_of_servers(host_settings, reports),
            )
        if len(reports) > 1 and self.tabulates:
            from provision.output.status_table import status_lines  # noqa: PLC0415 -- a table, of a few tasks

            return "\n".join(line for line, _ in status_lines(reports))
        if len(reports) > 1:
            return fleet_text(reports)
        return ""

    def _settings(self, options: Options, reader: KeyReader) -> Sequence[tuple[Target, Settings]]:
        """Return the settings of each chosen host. Raises ProvisionError."""
        with Lines() as lines:

            def address(target: Target) -> str:
                if self.boots_new:
                    return address_of(target, lines.say)
                return known_address(target)

            return settings_of_hosts(
                options.host,
                options.run_options,
                reader,
                limit=options.limit,
                exclude=options.exclude,
                address_of=address if self.configures else None,
            )


def _tell_key_faults_apart(reports: Sequence[Report], options: Options) -> None:
    """Say of each key that a server refuses whether the server has it, where the server was asked as well."""
    if not has_refused_keys(reports):
        return
    # Imported here, because most runs do not need it.
    from provision.fleet.host_names import names_of  # noqa: PLC0415
    from provision.site.inventory import read_inventory  # noqa: PLC0415

    # Somebody may edit the site file meanwhile.
    with suppress(ProvisionError):
        tell_key_faults_apart(reports, names_of(read_inventory(options.site_file), reports))


def _write_evidence(evidence: EvidenceFolder, report: CommandReport) -> None:
    """Write the evidence of a command that has ended, and say where it is. Raises NotRecorded, RuleBroken."""
    if not evidence.is_wanted:
        return
    from provision.output.json_report import json_text  # noqa: PLC0415 -- most runs write no evidence

    broken = evidence.rules.fault(report.hosts)
    report.conclude(broken)
    written = evidence.write(report.hosts, json_text(report).encode())
    for line in (*evidence.rules.lines(report.hosts), written):
        print(shown(line), flush=True)
    if broken is not None:
        raise broken


def site_file_of(options: Options, task: str) -> Path | None:
    """Return the site file; if it cannot be looked for, the report says so. Raises UsageError."""
    try:
        return options.site_file
    except UsageError as error:
        write_refused(options.report_paths, task, str(error))
        raise


def _require_names(options: Options) -> None:
    """Raise UsageError if no host is named."""
    if options.host:
        return
    if options.limit or options.exclude:
        raise UsageError(
            "no host; name the hosts or groups with --host NAME; --limit and --exclude only take some of them away"
        )
    raise UsageError("no host; say --host NAME")


def unpack_bundle(path: Path, options: Options) -> None:
    """Unpack the tarballs and artifacts of a site from a bundle into the stores. Raises FetchError, StoreError."""
    # Imported here, because most runs have no bundle.
    from provision.build.artifact_store import Artifacts  # noqa: PLC0415
    from provision.build.bundle import Bundle  # noqa: PLC0415
    from provision.build.fetch.store import Store  # noqa: PLC0415

    bundle = Bundle.read(path)
    print(f"{bundle.path}: sha256 {bundle.sha256}", flush=True)
    bundle.unpack(all_releases(options.run_options), Store.default(), Artifacts.default())
