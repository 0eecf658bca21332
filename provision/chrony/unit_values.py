"""Determine the rights and arguments of chronyd's unit from the chrony version, the host and chrony.conf.

The unit is chrony's own examples/chronyd-restricted.service, adapted to a server: chronyd never runs as root.
Directives with further requirements (the table in needs.py) relax only these restrictions. With an older systemd,
chronyd starts as root and drops its privileges itself.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.version import Version

from provision.chrony.needs import BIND_PORT, Argument, Needed, needed
from provision.chrony.socket_unit import SocketUnit

NOTIFY_SINCE = Version("4.7")
"""The first chronyd with NOTIFY_SOCKET (main.c); Type=notify would time out with an older one."""

UNPRIVILEGED_SINCE = 235
"""systemd has AmbientCapabilities= since 229, ProtectSystem=strict since 232, StateDirectory= since 235 (its NEWS)."""
CREDENTIALS_SINCE = 247
"""systemd has LoadCredential= and SetCredential= since 247 (its NEWS)."""
TO_DROP_ROOT = ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SETGID", "CAP_SETUID")
"""Capabilities of chronyd until it drops root: it creates folders and a pid file of its account, and changes to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Hold the values of templates/chronyd.service.j2."""

    notify: bool
    unprivileged: bool
    """Whether chronyd never runs as root."""
    arguments: tuple[str, ...]
    capabilities: tuple[str, ...]
    devices: tuple[str, ...]
    address_families: tuple[str, ...]
    realtime: bool
    """Whether chronyd sets a real-time priority."""
    memlock: bool
    """Whether chronyd locks its memory."""
    has_sockets: bool = False
    """Whether systemd opens its ports (templates/chronyd.socket.j2)."""
    credentials: Mapping[str, str] = field(default_factory=dict)
    """The files that systemd gives to the service alone: the path on the host, by the name."""

    @property
    def resources(self) -> bool:
        """Return whether chronyd sets its priority or its limits."""
        return self.realtime or self.memlock


def service(
    *,
    chrony: str,
    conf: str,
    seccomp: int,
    can_set_clock: bool,
    serves: bool,
    user: str,
    systemd: int | None,
    sockets: SocketUnit | None = None,
) -> Service:
    """Return the unit values of a chronyd that runs as the account ``user``.

    ``seccomp`` is the level of its -F option, 0 for none. ``systemd`` is the version, or None for a recent one.
    ``sockets`` are those that systemd opens for it; None if it opens its ports itself.
    """
    lines = needed(conf)
    notify = Version(chrony) >= NOTIFY_SINCE
    unprivileged = is_unprivileged(systemd)
    binds_port = _binds_privileged_port(lines, serves=serves, sockets=sockets)
    return Service(
        notify=notify,
        unprivileged=unprivileged,
        arguments=tuple(
            _arguments(
                notify=notify, unprivileged=unprivileged, user=user, can_set_clock=can_set_clock, seccomp=seccomp
            )
        ),
        capabilities=tuple(
            _capabilities(lines, unprivileged=unprivileged, can_set_clock=can_set_clock, binds_port=binds_port)
        ),
        devices=tuple(sorted({f"{line.need.device} rw" for line in lines if line.need.device})),
        address_families=tuple(sorted({line.need.address_family for line in lines if line.need.address_family})),
        realtime=any(line.need.scheduling for line in lines),
        memlock=any(line.need.memlock for line in lines),
        has_sockets=sockets is not None,
    )


def is_unprivileged(systemd: int | None) -> bool:
    """Return whether a chronyd of this systemd never runs as root."""
    return systemd is None or systemd >= UNPRIVILEGED_SINCE


def has_credentials(systemd: int | None) -> bool:
    """Return whether systemd can give files to a service alone (LoadCredential=); None: a recent systemd."""
    return systemd is None or systemd >= CREDENTIALS_SINCE


def credentials(unit: str) -> Mapping[str, str]:
    """Return the files that systemd gives to the service of a deployed unit: the path on the host, by the name."""
    return dict(re.findall(r"^LoadCredential=([^:\s]+):(\S+)$", unit, re.MULTILINE))


def _arguments(*, notify: bool, unprivileged: bool, user: str, can_set_clock: bool, seccomp: int) -> Iterator[str]:
    if notify:
        yield "-n"
    if unprivileged:
        yield "-U"
    else:
        yield f"-u {user}"
    # The measurements in dumpdir are valid after a restart; a boot empties /run.
    yield "-r"
    if not can_set_clock:
        yield "-x"
    if seccomp:
        yield f"-F {seccomp}"


def _capabilities(
    lines: Sequence[Needed], *, unprivileged: bool, can_set_clock: bool, binds_port: bool
) -> Iterator[str]:
    granted = {line.capability for line in lines if line.capability}
    if not unprivileged:
        yield from TO_DROP_ROOT
    if can_set_clock:
        yield "CAP_SYS_TIME"
    if binds_port:
        yield BIND_PORT
    yield from sorted(granted - {BIND_PORT})


def _binds_privileged_port(lines: Sequence[Needed], *, serves: bool, sockets: SocketUnit | None) -> bool:
    """Return whether chronyd itself binds a port below 1024."""
    about_ports = [line for line in lines if line.capability == BIND_PORT]
    if sockets is None:
        return serves or bool(about_ports)
    # Lines that name no port are about the command port, which is a socket of systemd.
    named = [line for line in about_ports if line.need.argument is Argument.PORT]
    return any(sockets.ports.get(line.need.directive) != int(line.argument) for line in named)


def seccomp_level(unit: str) -> int:
    """Return the level of the system call filter in a unit of ours, 0 for none."""
    found = re.search(r"^ExecStart=.* -F ([12])\b", unit, re.MULTILINE)
    if found is None:
        return 0
    return int(found[1])


def service_user(unit: str) -> str:
    """Return the account of chronyd in a unit of ours."""
    found = re.search(r"^(?:User=|ExecStart=.* -u )([\w.-]+)", unit, re.MULTILINE)
    if found is None:
        return "root"
    return found[1]
