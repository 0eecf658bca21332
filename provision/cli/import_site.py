"""Import the time services of hosts, or a configuration file of this machine, into a site file and a key file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from provision.chrony.releases import DEFAULT_CHRONY
from provision.cli.options import ImportOptions
from provision.cli.values import exists
from provision.common.errors import SiteError, UsageError, understood
from provision.common.files import private
from provision.common.files.write import write_whole
from provision.common.results import Remark
from provision.common.text import discard, on_one_line, shortened
from provision.deploy.secrets import Secrets
from provision.host.session import connect, refuse_missing, unlock
from provision.host.target import Kind, Target, parse_target
from provision.keys.ledger import in_words
from provision.output.progress.lines import Lines
from provision.output.report import Report, exit_status
from provision.output.report_files import ReportFiles
from provision.takeover.existing import ExistingService
from provision.takeover.importing import KEY_FILE, Import, ImportedHost, imported, unsupported
from provision.takeover.local_files import KINDS, read_service
from provision.takeover.read_host import existing_script, parse_existing

SITE_FILE = "site.toml"
_WIDTH = len("carried")
_LONGEST = 200
"""Characters of a line of the host that are shown."""


@dataclass(frozen=True, slots=True)
class _Destination:
    """The files that an import writes."""

    site: Path
    keys: Path

    def refuse_existing(self) -> None:
        """Raise UsageError if one of them exists: it is never replaced. Their folder may be missing."""
        folder = self.site.parent
        if exists(folder, f"--to {folder}: cannot be looked for") and not folder.is_dir():
            raise UsageError(f"--to {folder}: is no folder")
        for path in (self.site, self.keys):
            # A link to nowhere would stop the second file after the first was written.
            if path.is_symlink() or exists(path, f"{path}: cannot be looked for"):
                raise UsageError(f"{path} is there already, and is never overwritten: say --to with another folder")

    def write(self, result: Import) -> None:
        """Write the files; the keys come first, because the site names them. Raises SiteError."""
        if result.keys:
            private.write(self.keys, result.key_lines.encode(), replace=False)
        try:
            self.site.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.site, result.site.encode(), replace=False)
        except OSError as error:
            raise SiteError(f"{self.site}: cannot be written: {error.strerror}") from error


def import_site(options: ImportOptions, secrets: Secrets) -> int:
    """Import, print the fate of each line, and return the exit status. Raises ProvisionError."""
    with ReportFiles(options.report_paths, "import", None) as files:
        if bool(options.host) == (options.file is not None):
            raise UsageError("say what to import: --host NAME, which may be given several times, or --file PATH")
        folder = Path(options.to)
        destination = _Destination(folder / SITE_FILE, folder / KEY_FILE)
        destination.refuse_existing()
        services = _services(options, secrets)
        by_name = {str(target): found for target, found in services.items()}
        refused = unsupported(by_name)
        if refused is not None:
            files.report.hosts = [Report(host=target, error=refused, tried=True) for target in services]
            print(f"error: {on_one_line(refused)}", flush=True)
            return 1
        result = imported(by_name, is_site=options.file is None, chrony=options.chrony or DEFAULT_CHRONY)
        destination.write(result)
        files.report.hosts = _reports(services, result)
        _print(result, destination, options)
        return exit_status(files.report.hosts)


def _services(options: ImportOptions, secrets: Secrets) -> Mapping[Target, Sequence[ExistingService]]:
    if options.file is not None:
        program = KINDS.get(options.kind)
        return {Target(text=str(options.file), kind=Kind.LOCAL): [read_service(options.file, program)]}
    targets = tuple(dict.fromkeys(parse_target(host) for host in options.host))
    _refuse_twice(targets)
    refuse_missing(targets)
    with Lines() as lines:
        return {target: _services_of(target, options, secrets, lines) for target in targets}


def _refuse_twice(targets: Iterable[Target]) -> None:
    """Raise UsageError if two names stand for one host, such as ntp1 and admin@ntp1: a site cannot have it twice."""
    first: dict[object, Target] = {}
    for target in targets:
        other = first.setdefault((target.kind, target.address.lower(), target.port, target.sandbox), target)
        if other is not target:
            raise UsageError(f"--host {other} and --host {target} are one host: say it once")


def _services_of(target: Target, options: ImportOptions, secrets: Secrets, lines: Lines) -> Sequence[ExistingService]:
    """Return the time services of a host, at least one. Raises ProvisionError."""
    # Nothing is logged: the answer has the host's keys.
    way = connect(target, accept_new=options.accept_new, log=discard, progress=discard, say=lines.say)
    with way as session:
        unlock(session, secrets.passwords, quiet=lines.quiet, check=lambda: None)
        answer = session.host.ask(existing_script(secrets=True), secret=True)
    with understood(f"{target}: the time service"):
        services = parse_existing(answer)
    if not services:
        raise SiteError(f"{target}: no time service to import: none runs, or it was deployed by inv deploy")
    return services


def _reports(targets: Iterable[Target], result: Import) -> list[Report]:
    by_name = {host.name: host for host in result.hosts}
    return [Report(host=target, tried=True, imported=by_name[str(target)].remarks) for target in targets]


def _print(result: Import, destination: _Destination, options: ImportOptions) -> None:
    for host in result.hosts:
        print(on_one_line(_heading(host)))
        for remark in host.remarks:
            print(on_one_line(_line(remark)))
    if result.keys:
        print(on_one_line(f"{destination.keys}: {in_words(result.keys.ids)}; who can read it has the keys"))
    follows = f"next, see what a deployment would change: {_next(destination, options)}"
    print(on_one_line(f"{destination.site}: {follows}"))


def _heading(host: ImportedHost) -> str:
    words = f"{host.name}: {host.program} {host.version}".rstrip()
    if host.key_ids:
        words += f", {in_words(host.key_ids)}"
    return words


def _line(remark: Remark) -> str:
    """Return a line such as ``  changed  /etc/chrony.conf:3: driftfile /x  (reason)``."""
    place = f"{remark.place}: " if remark.place else ""
    line = f"  {remark.fate.value:<{_WIDTH}}  {place}{shortened(remark.line, _LONGEST)}"
    if remark.why:
        line += f"  ({shortened(remark.why, _LONGEST)})"
    return line


def _next(destination: _Destination, options: ImportOptions) -> str:
    words = ["inv plan"]
    if destination.site != Path(SITE_FILE):
        words.append(f"--site {destination.site}")
    if options.file is not None:
        words.append("--host NAME")
    return " ".join(words)
