"""Connect: from what ``--host`` said to a host and its facts, in one round trip; and become root there."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provision import remote
from provision.errors import CommandFailed, HostUnreachable, SandboxError
from provision.facts import Facts, parse_facts
from provision.host import Become, Host
from provision.passwords import Check, Passwords
from provision.site.values import Address
from provision.target import Kind, Target
from provision.transport import Transport
from provision.transport.local import LocalTransport

if TYPE_CHECKING:
    from provision.sandbox import Sandbox

LOOPBACK = "127.0.0.1"
SUDO_SECONDS = 60
"""How long sudo may take to accept a password; where it asks a directory, it takes a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A host that we are connected to."""

    host: Host
    facts: Facts
    address: str
    """Where this machine sends NTP packets to."""
    direct: bool
    """NTP packets go the way by which we are connected: no jump host is between."""
    time_source: str | None
    """The sandbox's."""


@contextmanager
def connect(
    target: Target,
    *,
    accept_new: bool,
    log: Callable[[str], None],
    progress: Callable[[str], None],
    say: Callable[[str], None],
) -> Iterator[Session]:
    """Connect and learn the facts; where sudo asks for a password, see :func:`unlock`.

    Raises HostUnreachable, SandboxError.
    """
    transport, address, time_source = _reach(target, accept_new=accept_new, say=say)
    try:
        host = Host(transport, log=log, progress=progress)
        facts = _as_seen(parse_facts(host.ask(remote.load("facts"), root=False)), target, direct=transport.is_direct)
        host.become = _become(target.text, facts)
        yield Session(host=host, facts=facts, address=address, direct=transport.is_direct, time_source=time_source)
    finally:
        transport.close()


def unlock(
    session: Session, passwords: Passwords, *, quiet: Callable[[], AbstractContextManager[None]], check: Check
) -> None:
    """Have the password that sudo asks for, if it asks, and see that it is right. Raises HostUnreachable.

    ``quiet`` keeps what is shown still while somebody types; ``check`` raises when all is to end meanwhile.
    """
    host, login = session.host, session.facts.login
    if host.become is not Become.PASSWORD:
        return
    with quiet():
        host.password = passwords.of(host.name, login, check)
    passwords.tried(host.name, login, check, lambda: _try_sudo(host))


def _try_sudo(host: Host) -> None:
    """Run nothing as root. A sudo that never ends, as where PAM asks for more than a password, would hold up others."""
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
    """Return the facts with the addresses between which our NTP packets go."""
    if target.kind is Kind.LOCAL:
        return replace(facts, client=LOOPBACK, address=LOOPBACK)
    # Behind a jump host it is that which the host has seen.
    return facts if direct else replace(facts, client=None)


def _reach(target: Target, *, accept_new: bool, say: Callable[[str], None]) -> tuple[Transport, str, str | None]:
    """Return the way to a host, its address for NTP, and the address of a sandbox's time source."""
    if target.kind is Kind.LOCAL:
        return LocalTransport(), LOOPBACK, None
    # Fabric takes a third of a second to import: a run on this machine does without.
    from provision.transport.ssh import SshTransport  # noqa: PLC0415

    if target.kind is Kind.SSH:
        ssh = SshTransport(target, accept_new=accept_new)
        return ssh, ssh.address, None
    from provision import sandbox  # noqa: PLC0415

    room = _boot(target, say)
    reached = Target(text=target.text, kind=Kind.SSH, address=room.address, user="root")
    ssh = SshTransport(reached, key=room.key, host_key=room.host_key)
    return ssh, room.address, sandbox.time_source(say=say)


def address_of(target: Target, say: Callable[[str], None]) -> Address:
    """Return the address of a sandbox, which is booted for it if it does not run. Raises SandboxError."""
    return Address(_boot(target, say).address)


def known_address(target: Target) -> Address:
    """Return the address of a sandbox that is there. Raises SandboxError."""
    from provision import sandbox  # noqa: PLC0415

    name = target.sandbox or sandbox.DEFAULT_SUITE
    known = sandbox.find(name)
    if known is None:
        raise SandboxError(f"sandbox:{name} has no address yet: inv sandbox.up --name {name} [--suite SUITE]")
    return Address(known.address)


def _boot(target: Target, say: Callable[[str], None]) -> "Sandbox":
    from provision import sandbox  # noqa: PLC0415

    name = target.sandbox or sandbox.DEFAULT_SUITE
    known = sandbox.find(name)
    return sandbox.up(name, known.suite if known else name, say=say)


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
