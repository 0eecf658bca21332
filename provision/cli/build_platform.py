"""Make the builds of a site for one platform ahead of time, in a sandbox: ``inv build --platform bookworm/amd64``."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from msgspec.structs import replace as with_fields

from provision.cli.command import Command, unpack_bundle
from provision.cli.options import BuildOptions, Options
from provision.common.errors import UsageError
from provision.deploy.build import build
from provision.deploy.secrets import Secrets
from provision.fleet.retry import Failed
from provision.host.sandbox.platforms import suite_of_platform
from provision.host.sandbox.sandbox import Sandbox
from provision.host.sandbox.throwaway import throwaway
from provision.host.target import Kind, Target
from provision.output.progress.lines import Lines
from provision.output.report import exit_status
from provision.site.inventory import read_inventory
from provision.site.settings import Settings, settings_of_hosts

ANY_HOST = "local"
"""Stands for the hosts of a site that lists none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformCommand(Command):
    """The task ``build`` in a sandbox that stands for the hosts of a platform."""

    platform: str
    """Such as ``bookworm/amd64``."""
    ends: ExitStack = field(default_factory=ExitStack)
    """Removes the sandbox when it is closed."""

    def _chosen(self, options: Options, secrets: Secrets, failed: Failed) -> Sequence[tuple[Target, Settings]]:  # noqa: ARG002 -- as Command has it
        """Boot the sandbox; return it under a name for each build, with the settings of a host that needs the build."""
        for name in ("scheduler", "retry"):
            if getattr(options, name):
                raise UsageError(f"--{name} is about hosts, and --platform works on none: leave one of them out")
        suite = suite_of_platform("--platform", self.platform)
        settings = needed_settings(options, secrets)
        if options.bundle is not None:
            unpack_bundle(options.bundle, options)
        lines = self.ends.enter_context(Lines())
        sandbox = self.ends.enter_context(throwaway(suite, say=lines.say))
        return named(settings, self.platform, sandbox)


def build_platform(options: BuildOptions, secrets: Secrets) -> int:
    """Make each build that hosts of the site need, for one platform; return the exit status. Raises ProvisionError."""
    command = PlatformCommand(
        task="build", operation=build, configures=False, boots_new=True, platform=options.platform
    )
    with command.ends:
        # One sandbox, and so one build at a time.
        return exit_status(command.run(replace(options, parallel=1), secrets))


def needed_settings(options: Options, secrets: Secrets) -> dict[str, Settings]:
    """Return, for each build that the chosen hosts need, the first such host and its settings. Raises ProvisionError.

    A build differs by its releases and by the options of configure.
    """
    hosts = options.host
    if not read_inventory(options.site_file).members:
        if hosts:
            raise UsageError("--host selects hosts of a site, and the site lists none: leave it out with --platform")
        hosts = (ANY_HOST,)
    found: dict[object, tuple[str, Settings]] = {}
    every = settings_of_hosts(
        hosts, options.run_options, secrets.keys, limit=options.limit, exclude=options.exclude, address_of=None
    )
    for target, settings in every:
        site = settings.site
        features = with_fields(site.build, confirm=1, on="host")
        build_ = (settings.releases, features, site.needs_pps, site.needs_signd)
        found.setdefault(build_, (target.text, settings))
    return dict(found.values())


def named(settings: dict[str, Settings], platform: str, sandbox: Sandbox) -> list[tuple[Target, Settings]]:
    """Return a target for each build: the sandbox, named after the platform and, of several builds, after a host."""
    pairs = []
    for host, one in settings.items():
        text = f"sandbox {platform}"
        if len(settings) > 1:
            text = f"{text} for {host}"
        target = Target(text=text, kind=Kind.SANDBOX, sandbox=sandbox.name)
        on_it = with_fields(one.site, build=with_fields(one.site.build, on="host"))
        pairs.append((target, replace(one, site=on_it)))
    return pairs
