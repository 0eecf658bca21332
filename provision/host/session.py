"""Connect to a target, read its facts in one round trip, and obtain root privileges."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provision.common.errors import CommandFailed, HostUnreachable
from provision.host import scripts
from provision.host.clock import HostClock, clock_in
from provision.host.facts import Facts, facts_script, parse_facts
from provision.host.host import Become, Host
from provision.host.paths import ROOT
from provision.host.strict_modes import exposed
from provision.host.sudo import Quiet, SudoPasswords
from provision.host.target import Kind, Target
from provision.host.terminal import Check
from provision.host.tools import refuse_missing_tools
from provision.host.transport import Transport
from provision.host.transport.local import LocalTransport

if TYPE_CHECKING:
    from provision.host.sandbox.sandbox import Sandbox

LOOPBACK = "127.0.0.1"
SUDO_SECONDS = 60
"""The longest time that sudo may take to accept a password; with a directory service, it takes seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A connected host with its facts."""

    host: Host
    facts: Facts
    address: str
    """The address to which this machine sends NTP packets."""
    direct: bool
    """Whether NTP packets take the same way as the connection: there is no jump host."""
    time_source: str | None
    """The address of the time source of the sandboxes; None for other hosts."""
    is_container: bool = False
    """Whether it is a sandbox of this machine and no virtual machine, so that it computes on the same processors."""
    clock: HostClock | None = None
    """The offset of its clock from this machine's; None if the host did not print its time."""


@contextmanager
def connect(
    target: Target,
    *,
    accept_new: bool,
    log: Callable[[str], None],
    progress: Callable[[str], None],
    say: Callable[[str], None],
) -> Iterator[Session]:
    """Connect and read the facts; :func:`unlock` provides the password that sudo may ask for.

    A sandbox is booted if it does not run, and created if it does not exist. Raises HostUnreachable, HostUnready,
    SandboxError.
    """
    transport, address, room = _reach(target, accept_new=accept_new, say=say)
    time_source = None
    if room is not None:
        from provision.host.sandbox import sandbox  # noqa: PLC0415 -- most hosts are no sandboxes

        time_source = sandbox.time_source(say=_indented(say))
    with _opened(transport, target, address, time_source, log=log, progress=progress) as session:
        yield replace(session, is_container=room is not None and not room.vm)


@contextmanager
def connect_booted(
    sandbox: "Sandbox", name: str, *, log: Callable[[str], None], progress: Callable[[str], None]
) -> Iterator[Session]:
    """Connect to a sandbox that runs, under a name for messages, and read its facts; no time source is started.

    Raises HostUnreachable, HostUnready.
    """
    target = Target(text=name, kind=Kind.SANDBOX, sandbox=sandbox.name)
    with _opened(_ssh(target, sandbox), target, sandbox.address, None, log=log, progress=progress) as session:
        yield session


@contextmanager
def _opened(
    transport: Transport,
    target: Target,
    address: str,
    time_source: str | None,
    *,
    log: Callable[[str], None],
    progress: Callable[[str], None],
) -> Iterator[Session]:
    """Read the facts over a transport, which is closed at the end."""
    try:
        host = Host(transport, log=log, progress=progress)
        questions = facts_script() + scripts.load("print_owners", ROOT)
        sent = time.time()
        said = host.ask(questions, root=False)
        clock = clock_in(said, sent=sent, received=time.time())
        facts = _as_seen(parse_facts(said), target, direct=transport.is_direct)
        refuse_missing_tools(host.name, facts)
        if (why := exposed(said, ROOT)) is not None:
            raise HostUnreachable(f"{target.text}: {why}")
        host.become = _become(target.text, facts)
        direct = transport.is_direct
        yield Session(host=host, facts=facts, address=address, direct=direct, time_source=time_source, clock=clock)
    finally:
        transport.close()


def unlock(session: Session, passwords: SudoPasswords, *, quiet: Quiet, check: Check) -> None:
    """Obtain the password if sudo asks for one, and check that it is right. Raises HostUnreachable.

    ``quiet`` stops the progress display during the prompt; ``check`` raises if the run is cancelled meanwhile.
    """
    host, login = session.host, session.facts.login
    if host.become is not Become.PASSWORD:
        return

    def attempt(password: str) -> None:
        host.password = password
        _try_sudo(host)

    host.password = passwords.accepted(host.name, login, attempt, quiet=quiet, check=check)


def _try_sudo(host: Host) -> None:
    """Run ``true`` as root, with a time limit: sudo may wait for ever if PAM asks for more than a password."""
    begun = time.monotonic()
    late = threading.Timer(SUDO_SECONDS, host.transport.close)
    late.start()
    try:
        host.ask("true")
    except CommandFailed as error:
        raise HostUnreachable(f"{error}; log in as root, or allow sudo") from error
    except HostUnreachable as error:
        if time.monotonic() - begun < SUDO_SECONDS:
            raise
        raise HostUnreachable(
            f"{host.name}: sudo did not answer in {SUDO_SECONDS} s; does it ask for more than a password?"
        ) from error
    finally:
        late.cancel()


def _as_seen(facts: Facts, target: Target, *, direct: bool) -> Facts:
    """Return the facts with the addresses between which this machine's NTP packets travel."""
    if target.kind is Kind.LOCAL:
        return replace(facts, client=LOOPBACK, address=LOOPBACK)
    if not direct:
        # Behind a jump host, the host has seen the jump host's address, not this machine's.
        return replace(facts, client=None)
    return facts


def _reach(target: Target, *, accept_new: bool, say: Callable[[str], None]) -> tuple[Transport, str, "Sandbox | None"]:
    """Return the transport to a host, its address for NTP, and the sandbox that it is."""
    if target.kind is Kind.LOCAL:
        return LocalTransport(), LOOPBACK, None
    # Fabric takes a third of a second to import, and a run on this machine does not need it.
    from provision.host.transport.ssh import SshTransport  # noqa: PLC0415

    if target.kind is Kind.SSH:
        ssh = SshTransport(target, accept_new=accept_new)
        return ssh, ssh.address, None
    room = _boot(target, _indented(say))
    return _ssh(target, room), room.address, room


def _indented(say: Callable[[str], None]) -> Callable[[str], None]:
    """Return what says a text in the lines below the name of a host."""
    return lambda text: say(f"  {text}")


def _ssh(target: Target, room: "Sandbox") -> Transport:
    """Return the connection to a sandbox that runs."""
    from provision.host.transport.ssh import SshTransport  # noqa: PLC0415 -- as in _reach

    reached = Target(text=target.text, kind=Kind.SSH, address=room.address, user="root")
    return SshTransport(reached, key=room.key, host_key=room.host_key)


def address_of(target: Target, say: Callable[[str], None]) -> str:
    """Return the address of a sandbox, which is created and booted as for :func:`connect`. Raises SandboxError."""

    def prefixed(text: str) -> None:
        say(f"{target}  {text}")

    return _boot(target, prefixed).address


def known_address(target: Target) -> str:
    """Return the address of an existing sandbox. Raises SandboxError."""
    from provision.host.sandbox import sandbox  # noqa: PLC0415

    return sandbox.existing(target.sandbox or sandbox.DEFAULT_SUITE).address


def refuse_missing(targets: Iterable[Target]) -> None:
    """Raise SandboxError if one of the targets is a sandbox that does not exist."""
    for target in targets:
        if target.kind is Kind.SANDBOX:
            known_address(target)


def _boot(target: Target, say: Callable[[str], None]) -> "Sandbox":
    from provision.host.sandbox import sandbox  # noqa: PLC0415

    name = target.sandbox or sandbox.DEFAULT_SUITE
    suite = sandbox.DEFAULT_SUITE
    if known := sandbox.find(name):
        suite = known.suite
    elif name in sandbox.SUITES:
        suite = name
    return sandbox.up(name, suite, say=say)


def _become(name: str, facts: Facts) -> Become:
    match facts.sudo:
        case "root":
            return Become.IS_ROOT
        case "yes":
            return Become.SUDO
        case "missing":
            raise HostUnreachable(f"{name}: {facts.login} is not root and there is no sudo; log in as root")
        case "tty":
            raise HostUnreachable(
                f"{name}: sudo wants a terminal (requiretty), and there is none: "
                f"say 'Defaults:{facts.login} !requiretty' in its /etc/sudoers.d, or log in as root"
            )
        case _:
            return Become.PASSWORD
