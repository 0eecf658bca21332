"""Define the tasks of ``inv`` and ``chrony-provision``.

Errors end as one line, bugs as a traceback. :class:`provision.output.report.Verdict` defines the exit statuses. Slow
imports are inside the task that needs them, so that ``--list`` stays fast.
"""
# ruff: noqa: PLC0415 -- see above

from functools import partial
from typing import TYPE_CHECKING

from invoke.collection import Collection

from provision.cli import key_tasks, sandbox_tasks
from provision.cli.option_task import option_task
from provision.cli.options import (
    AccessOptions,
    BuildOptions,
    ImportOptions,
    Options,
    ReportOptions,
    SiteOptions,
    StatusOptions,
    VerifyOptions,
)
from provision.cli.release_tasks import RELEASES, bundle, fetch, releases

if TYPE_CHECKING:
    from provision.deploy.run import Operation
    from provision.deploy.secrets import Secrets

HOSTS = (
    "host",
    "limit",
    "exclude",
    "site",
    "json",
    "accept_new",
    "parallel",
    "max_failures",
    "retry",
    "scheduler",
)
"""The options of each task that works on hosts, except ``keys.rotate``."""
FURTHER_REPORTS = ("junit", "markdown")
"""The options of each task on hosts that has steps or findings."""
NAMED_HOSTS = {"host": "host or group, as for deploy; required; may be given several times"}


def _on_hosts(
    task_name: str,
    operation: "Operation",
    options: Options,
    secrets: "Secrets",
    **properties: bool,
) -> int:
    """Run an operation on hosts, and return the exit status.

    ``properties`` are those of :class:`provision.cli.command.Command`.
    """
    from provision.cli.command import Command
    from provision.output.report import exit_status

    command = Command(task=task_name, operation=operation, **properties)
    return exit_status(command.run(options, secrets))


@option_task(
    Options,
    *HOSTS,
    *FURTHER_REPORTS,
    *RELEASES,
    "bundle",
    "unit_tests",
    "sync_timeout",
    "confirm_timeout",
    "lock_timeout",
    "replace",
    "no_activate",
).with_secrets
def deploy(options: Options, secrets: "Secrets") -> int:
    """Build, configure, start and prove chrony on hosts; servers of a group are switched one after the other."""
    from provision.deploy.deploy import deploy, stage

    operation = stage if options.no_activate else deploy
    return _on_hosts("deploy", operation, options, secrets, rolling=True, makes_keys=True, boots_new=True)


@option_task(Options, *HOSTS, *FURTHER_REPORTS, *RELEASES, "bundle", "replace", "diff").with_secrets
def plan(options: Options, secrets: "Secrets") -> int:
    """Show the changes that deploy would make; change nothing. Exit status 3: there are changes."""
    from provision.deploy.deploy import plan

    return _on_hosts("plan", plan, options, secrets, plans=True, makes_keys=True)


@option_task(
    BuildOptions, *HOSTS, *FURTHER_REPORTS, *RELEASES, "platform", "bundle", "unit_tests", "lock_timeout"
).with_secrets
def build(options: BuildOptions, secrets: "Secrets") -> int:
    """Build chrony, verify and rehearse it, but do not switch; works without systemd, for example in a container."""
    from provision.deploy.build import build

    if options.platform:
        from provision.cli.build_platform import build_platform

        return build_platform(options, secrets)
    return _on_hosts("build", build, options, secrets, boots_new=True)


@option_task(
    VerifyOptions,
    *HOSTS,
    *FURTHER_REPORTS,
    "chrony",
    "sync_timeout",
    "evidence",
    "check_evidence",
    "rules",
    "sign_key",
    "sign_passphrase",
    "sign_cert",
    help_={"chrony": "expected chrony release; overrides the site file"},
).with_secrets
def verify(options: VerifyOptions, secrets: "Secrets") -> int:
    """Prove the daemon that runs on hosts; change nothing."""
    from provision.cli.evidence import verify

    return verify(options, secrets)


@option_task(StatusOptions, *HOSTS, *FURTHER_REPORTS, "watch", "metrics", "nagios").with_secrets
def status(options: StatusOptions, secrets: "Secrets") -> int:
    """Show the clocks of hosts and their sources. Exit status 1: one is not synchronised, or beyond the limits."""
    from provision.cli.show_status import show_status

    return show_status(options, secrets)


@option_task(
    Options,
    "host",
    "site",
    "json",
    "accept_new",
    help_={"host": "host whose time is followed to its origin; required"},
).with_secrets
def trace(options: Options, secrets: "Secrets") -> int:
    """Follow the time of a host from source to source, as far as the site goes. Exit status 1: a host is not ok."""
    from provision.cli.trace import trace_host

    return trace_host(options, secrets)


@option_task(Options, *HOSTS).with_secrets
def history(options: Options, secrets: "Secrets") -> int:
    """Show each switch of hosts: when, by whom, the changes, and the result."""
    from provision.deploy.history import history

    return _on_hosts("history", history, options, secrets, configures=False)


@option_task(ReportOptions, *HOSTS, *FURTHER_REPORTS, "html", "earlier").with_secrets
def report(options: ReportOptions, secrets: "Secrets") -> int:
    """Write an HTML page about hosts: who follows whom, clocks over time, keys, history. Exit status as of status."""
    from provision.cli.report_page import write_page

    return write_page(options, secrets)


@option_task(
    Options, *HOSTS, *FURTHER_REPORTS, "to", "sync_timeout", "confirm_timeout", "lock_timeout", help_=NAMED_HOSTS
).with_secrets
def rollback(options: Options, secrets: "Secrets") -> int:
    """Switch hosts back to an earlier generation, and prove it."""
    from provision.deploy.rollback import rollback

    operation = partial(rollback, to=options.to)
    return _on_hosts("rollback", operation, options, secrets, configures=False, rolling=True, needs_names=True)


@option_task(Options, *HOSTS, *FURTHER_REPORTS, "purge", "lock_timeout", help_=NAMED_HOSTS).with_secrets
def uninstall(options: Options, secrets: "Secrets") -> int:
    """Remove chrony-provision from hosts and restore the previous time service."""
    from provision.deploy.uninstall import uninstall

    operation = partial(uninstall, purge=options.purge)
    return _on_hosts("uninstall", operation, options, secrets, configures=False, needs_names=True)


@option_task(
    SiteOptions,
    "host",
    "site",
    "conf",
    "lint",
    help_={"host": "show only this host or group; may be given several times"},
).with_secrets
def site(options: SiteOptions, secrets: "Secrets") -> int:
    """Check the site as plan does, without a host; show each host's settings, and which level of the file sets them."""
    from provision.cli.site_hosts import show_site

    return show_site(options, secrets.keys)


@option_task(
    AccessOptions,
    "addresses",
    "host",
    "site",
    "json",
    help_={
        "host": "host or group of the site; may be given several times (default: all hosts)",
        "json": "write the answers to this file as JSON; - is standard output",
    },
).with_secrets
def access(options: AccessOptions, secrets: "Secrets") -> int:
    """Say by the site alone whether addresses may ask hosts for time. Exit status 1: not all of them surely may."""
    from provision.cli.site_hosts import show_access

    return show_access(options, secrets.keys)


@option_task(
    ImportOptions,
    "host",
    "file",
    "kind",
    "to",
    "chrony",
    "json",
    "accept_new",
    help_={
        "host": "host to import from: name, user@name:port, local or sandbox:NAME; may be given several times",
        "to": "folder for site.toml and chrony.keys, which are never overwritten (default: this folder)",
        "chrony": "chrony release that the site builds, such as 4.9 (default: the newest pinned one)",
    },
).with_secrets
def import_(options: ImportOptions, secrets: "Secrets") -> int:
    """Write a site file and a key file from the time service that hosts have; change nothing on them."""
    from provision.cli.import_site import import_site

    return import_site(options, secrets)


def collection() -> Collection:
    """Return the tasks; tasks.py of a checkout adds those for developers."""
    tasks = Collection(
        deploy,
        plan,
        fetch,
        bundle,
        build,
        verify,
        status,
        trace,
        history,
        report,
        rollback,
        uninstall,
        site,
        access,
        releases,
    )
    tasks.add_task(import_)
    tasks.add_collection(key_tasks.collection())
    tasks.add_collection(sandbox_tasks.collection())
    return tasks


def main() -> None:
    """Run the command ``chrony-provision``."""
    from importlib.metadata import version

    from provision.cli.program import CommandLine

    name = "chrony-provision"
    CommandLine(name=name, binary=name, version=version(name), namespace=collection()).run()
