"""What chronyd's unit must grant, and how it starts: decided from the version, the host and what chrony.conf uses.

The unit is chrony's own examples/chronyd-restricted.service, opened for a server: it never has root. Directives that
need more (chrony.conf(5) names the devices, capabilities(7) the rights) loosen it by just that. Where systemd is too
old for that, chronyd starts as root and gives it up itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.version import Version

from provision.conf import directives

NOTIFY_SINCE = Version("4.7")
"""chronyd knows NOTIFY_SOCKET from 4.7 (main.c); Type=notify with an older one would time out."""

UNPRIVILEGED_SINCE = 235
"""systemd knows AmbientCapabilities= from 229, ProtectSystem=strict from 232, StateDirectory= from 235 (its NEWS)."""
TO_DROP_ROOT = ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_SETGID", "CAP_SETUID")
"""What chronyd needs as root before it drops the rest: folders and a pidfile of its account's, and the account."""

CAPABILITIES: Mapping[str, str] = {
    "sched_priority": "CAP_SYS_NICE",
    "lock_all": "CAP_IPC_LOCK",
    "hwtimestamp": "CAP_NET_ADMIN",
    "binddevice": "CAP_NET_RAW",
    "bindacqdevice": "CAP_NET_RAW",
    "bindcmddevice": "CAP_NET_RAW",
}
DEVICES: Mapping[str, tuple[str, ...]] = {
    "refclock": ("char-pps rw", "char-ptp rw"),
    "rtcfile": ("char-rtc rw",),
    "rtcautotrim": ("char-rtc rw",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The values of templates/chronyd.service.j2."""

    notify: bool
    unprivileged: bool
    """It never has root."""
    arguments: tuple[str, ...]
    capabilities: tuple[str, ...]
    devices: tuple[str, ...]
    realtime: bool
    """sched_priority was asked for."""
    resources: bool
    """It sets its priority or its limits: sched_priority or lock_all was asked for."""


def service(
    *, chrony: str, conf: str, seccomp: int, can_set_clock: bool, serves: bool, user: str, systemd: int | None
) -> Service:
    """Return how chronyd is to be run as the account ``user``.

    ``seccomp`` is the level of its -F option; 0 is none. ``systemd`` is the version; None is a new one.
    """
    used = {name for name, _ in directives(conf)}
    notify = Version(chrony) >= NOTIFY_SINCE
    unprivileged = systemd is None or systemd >= UNPRIVILEGED_SINCE
    return Service(
        notify=notify,
        unprivileged=unprivileged,
        arguments=(
            *(("-n",) if notify else ()),
            *(("-U",) if unprivileged else (f"-u {user}",)),
            # The measurements that it left in dumpdir when it ended are good for a restart.
            "-r",
            *(() if can_set_clock else ("-x",)),
            *((f"-F {seccomp}",) if seccomp else ()),
        ),
        capabilities=(
            *(() if unprivileged else TO_DROP_ROOT),
            *(("CAP_SYS_TIME",) if can_set_clock else ()),
            *(("CAP_NET_BIND_SERVICE",) if serves else ()),
            *sorted({CAPABILITIES[name] for name in used & CAPABILITIES.keys()}),
        ),
        devices=tuple(sorted({device for name in used & DEVICES.keys() for device in DEVICES[name]})),
        realtime="sched_priority" in used,
        resources=bool(used & {"sched_priority", "lock_all"}),
    )


def seccomp_level(unit: str) -> int:
    """Return the level of the filter of system calls with which a unit of ours starts chronyd."""
    found = re.search(r"^ExecStart=.* -F ([12])\b", unit, re.MULTILINE)
    return int(found[1]) if found else 0
