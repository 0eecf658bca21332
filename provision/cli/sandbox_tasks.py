"""The tasks about sandboxes: ``sandbox.up``, ``sandbox.list`` and ``sandbox.down``.

Slow imports are inside the task that needs them.
"""
# ruff: noqa: PLC0415 -- see above

from datetime import timedelta

from invoke.collection import Collection

from provision.cli.option_task import option_task
from provision.cli.options import Options, SandboxDownOptions, SandboxOptions
from provision.common.errors import UsageError

NAME = "sandbox"


@option_task(SandboxOptions, "name", "suite", "vm", "clock", collection=NAME)
def up(options: SandboxOptions) -> None:
    """Boot a sandbox on this machine: a throwaway Debian host with systemd and sshd, and a time source beside it."""
    from provision.host.sandbox import sandbox
    from provision.output.progress.lines import Lines

    if options.clock is not None and not options.vm:
        raise UsageError("--clock is for a virtual machine, and other sandboxes have this machine's clock: say --vm")
    ahead = options.clock
    if options.vm:
        ahead = ahead or timedelta()
    with Lines() as lines:
        host = sandbox.up(options.sandbox_name, options.suite, ahead=ahead, say=lines.say)
        lines.say(f"{host.name}  {host.address}  Debian {host.suite}\n  {host.login}")


@option_task(Options, collection=NAME)
def show(_: Options) -> None:
    """Show the sandboxes of this account."""
    from provision.host.sandbox import sandbox
    from provision.host.sandbox.throwaway import state_of

    hosts = sandbox.listed()
    if not hosts:
        print("no sandboxes")
    for host in hosts:
        state = "stopped"
        if pid := sandbox.pid_of(host):
            state = f"pid {pid}"
        if host.vm:
            state += f", {host.kind}"
        if of_build := state_of(host.name):
            state = f"{state}, {of_build}"
        print(f"{host.name:<20}  {host.address:<15}  {host.suite:<9}  {state}")


@option_task(SandboxDownOptions, "name", "all", collection=NAME)
def down(options: SandboxDownOptions) -> None:
    """Shut down and delete sandboxes; base images are kept."""
    from provision.host.sandbox import sandbox

    if options.all == bool(options.name):
        names = ", ".join(host.name for host in sandbox.listed()) or "none"
        raise UsageError(f"say --name NAME, or --all for every sandbox of this account (there are: {names})")
    for name in options.name or [host.name for host in sandbox.listed()]:
        sandbox.down(name)
        print(f"{name} is gone")


def collection() -> Collection:
    """Return the tasks."""
    tasks = Collection(NAME)
    tasks.add_task(up)
    tasks.add_task(show, name="list")
    tasks.add_task(down)
    return tasks
