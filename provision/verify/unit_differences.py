"""Compare a unit with its properties in systemd, and with its process, as /proc shows it.

A property is compared only if this version of systemd knows it, and a process as far as this kernel tells.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from provision.chrony.drop_ins import TRUSTED_VARIABLE
from provision.chrony.unit_syntax import normal, service_settings
from provision.host.paths import UNIT_PATH

SET_BY_SYSTEMD = {
    *("CHRONY_GENERATION", "NOTIFY_SOCKET", "WATCHDOG_PID"),
    *("LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDNAMES"),
}
"""Environment variables that systemd sets for a process (systemd.exec(5)), and the one of our unit."""
COMMANDS = {"ExecStart", "ExecStopPost"}
"""Properties whose values are command lines."""
SETS = {"CapabilityBoundingSet", "AmbientCapabilities", "RestrictAddressFamilies", "SystemCallArchitectures"}
WORDS = (
    *("Type", "User", "UMask", "ProtectSystem", "ProtectHome", "ProtectProc", "ProcSubset", "DevicePolicy"),
    *("LockPersonality", "MemoryDenyWriteExecute", "NoNewPrivileges", "PrivateDevices", "PrivateTmp", "RemoveIPC"),
    *("ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules"),
    *("ProtectKernelTunables", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "LimitMEMLOCK"),
    *("RuntimeDirectory", "StateDirectory", "LogsDirectory"),
)
UNSET = (
    *("ExecStartPre", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost", "EnvironmentFiles", "Group"),
    *("SupplementaryGroups", "PAMName", "RootDirectory", "RootImage", "BindPaths", "BindReadOnlyPaths"),
    *("DeviceAllow", "ReadWritePaths", "TemporaryFileSystem", "InaccessiblePaths"),
)
"""Properties that are empty unless our unit sets them, and that would change how chronyd runs."""
PROPERTIES = (
    *("MainPID", "FragmentPath", "DropInPaths", "NeedDaemonReload", "TriggeredBy", "ExecStart", "Environment"),
    *("SystemCallFilter", *sorted(SETS), *WORDS, *UNSET),
)
"""The properties that are read from a host."""
DENIED_CALLS = {
    "@debug": "ptrace",
    "@module": "init_module",
    "@mount": "mount",
    "@reboot": "reboot",
    "@resources": "sched_setscheduler",
    "@swap": "swapon",
}
"""One system call of each group, which every architecture has: systemd shows the calls, not the groups."""
CAPABILITY_BITS = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_NET_BIND_SERVICE": 10,
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_IPC_LOCK": 14,
    "CAP_SYS_NICE": 23,
    "CAP_SYS_TIME": 25,
}
"""capabilities(7), linux/capability.h: those that a unit of ours may have."""


def property_differences(unit: str, shown: Mapping[str, str], excused: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the effective properties that differ from a unit; those that this systemd does not know are left out."""
    wanted = service_settings(unit)
    if shown.get("FragmentPath") != UNIT_PATH:
        yield f"it is read from {shown.get('FragmentPath') or 'nowhere'}, not from {UNIT_PATH}"
        return
    if shown.get("NeedDaemonReload") == "yes":
        yield "its files changed since systemd read them (systemctl daemon-reload)"
    for name in PROPERTIES:
        if name not in shown or name in excused or name not in {*wanted, *UNSET}:
            continue
        if not _same(name, wanted.get(name, ()), shown[name]):
            yield f"{name} is {_shortly(shown[name])}"


def _same(name: str, wanted: tuple[str, ...], shown: str) -> bool:
    if name in COMMANDS:
        return list(map(_plain, _commands(shown))) == list(map(_plain, wanted))
    if name == "Environment":
        names = [word.partition("=")[0].strip("\"'") for word in shown.split()]
        others = [one for one in names if one not in SET_BY_SYSTEMD]
        return all(word in shown.split() for word in wanted) and all(map(TRUSTED_VARIABLE.fullmatch, others))
    if name == "SystemCallFilter":
        denied = shown.removeprefix("~").split()
        groups = [group for word in wanted for group in word.lstrip("~").split()]
        calls = [DENIED_CALLS[group] for group in groups if group in DENIED_CALLS]
        return shown.startswith("~") and all(call in denied for call in calls)
    if name == "DeviceAllow":
        return sorted(shown.splitlines()) == sorted(wanted)
    if name in SETS:
        return _set(" ".join(wanted)) == _set(shown)
    return [normal(word) for word in wanted] == [normal(word) for word in shown.splitlines()]


def _plain(command: str) -> str:
    """Return a command line without quotes, and without the "+" that gives it all rights (systemd.service(5))."""
    return " ".join(re.sub("[\"']", "", command.removeprefix("+")).split())


def _commands(shown: str) -> list[str]:
    """Return the command lines of "{ path=… ; argv[]=… ; ignore_errors=no ; …", one in each line."""
    return [" ".join(found.split()) for found in re.findall(r"argv\[\]=(.*?) ; ", shown)]


def _set(words: str) -> frozenset[str]:
    if words.isdecimal() and len(words) <= len(str(1 << 64)):
        # systemd before 230 shows capabilities as the bits that they are.
        return frozenset(_capabilities(int(words)))
    return frozenset(words.upper().split())


def _capabilities(bits: int) -> Iterator[str]:
    names = {bit: name for name, bit in CAPABILITY_BITS.items()}
    for bit in range(bits.bit_length()):
        if bits >> bit & 1:
            yield names.get(bit, f"CAPABILITY {bit}")


def _shortly(text: str) -> str:
    line = " ".join((" and ".join(_commands(text)) or text or "nothing").split())
    if len(line) <= 120:
        return line
    return f"{line[:119]}…"


def process_differences(unit: str, process: Mapping[str, str], excused: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the differences between a process and its unit; those that this kernel does not show are left out."""
    wanted = service_settings(unit)
    expected = " ".join(wanted.get("ExecStart", ())).split()
    command = process.get("command", "").split()
    if command != expected:
        yield f"its command line is {_shortly(' '.join(command))}"
    if "User" in wanted and process.get("user", wanted["User"][0]) != wanted["User"][0]:
        yield f"it runs as {process['user']}"
    if "NoNewPrivileges" not in excused and process.get("NoNewPrivs", "1") != "1":
        yield "it may get privileges (NoNewPrivs 0)"
    if "SystemCallFilter" in wanted and process.get("Seccomp", "2") != "2":
        yield "no system calls are denied to it (Seccomp 0)"
    allowed = _set(" ".join(wanted.get("CapabilityBoundingSet", ())))
    for field in ("CapBnd", "CapEff"):
        more = [name for name in _held(process.get(field, "0")) if name not in allowed]
        if more:
            yield f"it has or may get {_first_three(more)}"
            break
    is_strict = wanted.get("ProtectSystem") == ("strict",) and "ProtectSystem" not in excused
    if is_strict and "ro" not in process.get("root", "ro").split(","):
        yield "it may write to the host's file system"
    names = [name for name in process.get("variables", "").split() if name not in SET_BY_SYSTEMD]
    if strange := [name for name in names if not TRUSTED_VARIABLE.fullmatch(name)]:
        yield f"its environment has {', '.join(strange)}"


def _held(bits: str) -> Iterable[str]:
    """Return the names of the capabilities in a line of /proc/PID/status: 64 bits in hexadecimal (proc(5))."""
    if re.fullmatch("[0-9a-f]{1,16}", bits) is None:
        return ("unreadable capabilities",)
    return _capabilities(int(bits, 16))


def _first_three(names: Sequence[str]) -> str:
    listed = ", ".join(names[:3])
    if len(names) > 3:
        listed += " and others"
    return listed
