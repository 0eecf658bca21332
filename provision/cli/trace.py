"""The task ``trace``: which hosts it may ask, and which of them a source is."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address

from provision.cli import streams
from provision.cli.command import site_file_of
from provision.cli.options import Options
from provision.common.errors import SandboxError, UsageError
from provision.common.text import on_one_line, shown
from provision.deploy.secrets import Secrets
from provision.deploy.status import status
from provision.fleet.trace import trace
from provision.host.session import known_address, refuse_missing
from provision.host.target import Kind, Target
from provision.output.report import Report, exit_status
from provision.output.report_files import ReportFiles
from provision.output.status import TimeSource
from provision.output.trace import Trace, trace_text
from provision.site.inventory import Inventory, Member, read_inventory
from provision.site.settings import Settings, settings_of_hosts

TASK = "trace"


def trace_host(options: Options, secrets: Secrets) -> int:
    """Show the path of the time to one host; return the exit status. Raises ProvisionError."""
    with ReportFiles(options.report_paths, TASK, site_file_of(options, TASK)) as files:
        start = _start(options, secrets)
        inventory = read_inventory(options.site_file)
        chosen = () if inventory.members else options.host
        settings = dict(settings_of_hosts(chosen, options.run_options, secrets.keys, address_of=None))
        hosts = _hosts_by_address(inventory)

        def ask(target: Target) -> Report:
            (report,) = options.fleet.run(
                status, [(target, settings[target])], secrets, rolling=False, shows_steps=False
            )
            files.report.hosts = [*files.report.hosts, report]
            return report

        def host_of(source: TimeSource) -> Target | None:
            return hosts.get(_key(source.name)) or hosts.get(_key(source.address))

        path = trace(start, ask, host_of)
        lines = [trace_text(path), *_failures(files.report.hosts)]
        files.report.trace, files.report.summary = path, "\n".join(lines)
        print(shown(files.report.summary), flush=True)
        _judge(path, files.report.hosts)
        streams.check()
        return exit_status(files.report.hosts)


def _failures(reports: Sequence[Report]) -> Iterator[str]:
    """Yield a line for each finding of a host on the path that does not hold: it makes the exit status 1."""
    for report in reports:
        for finding in report.findings:
            if finding.holds is False:
                yield on_one_line(f"FAILED: {report.host}: {finding.failure}")


def _judge(path: Trace, reports: list[Report]) -> None:
    """Make a path that does not reach the origin of the time an error of its first host, unless a host has an error."""
    if not path.reaches_origin and all(report.ok for report in reports):
        reports[0].error = path.words


def _start(options: Options, secrets: Secrets) -> Target:
    """Return the host that is named. Raises UsageError, SiteError, SandboxError."""
    if not options.host:
        raise UsageError("no host; say --host NAME")
    named: tuple[tuple[Target, Settings], ...] = settings_of_hosts(
        options.host, options.run_options, secrets.keys, address_of=None
    )
    if len(named) > 1:
        raise UsageError(f"--host names {len(named)} hosts; trace follows the time of one")
    ((target, _),) = named
    refuse_missing([target])
    return target


def _hosts_by_address(inventory: Inventory) -> Mapping[str, Target]:
    """Return the hosts of the site by the addresses at which they serve time."""
    hosts: dict[str, Target] = {}
    for member in inventory.members:
        # A sandbox that is not booted serves nobody.
        with suppress(SandboxError):
            hosts[_key(_address(member))] = member.target
    return hosts


def _key(address: str) -> str:
    """Return one spelling of a name or an address, of which IPv6 has several."""
    try:
        return ip_address(address).compressed
    except ValueError:
        return address.lower().removesuffix(".")


def _address(member: Member) -> str:
    if member.address is not None:
        return member.address
    if member.target.kind is Kind.SANDBOX:
        return known_address(member.target)
    return member.target.address
