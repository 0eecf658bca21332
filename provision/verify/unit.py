"""Compare chronyd's unit with the deployed one: drop-ins, effective properties, the process.

A drop-in of an administrator is accepted if it changes no setting that the deployment relies on; any other is named. A
property is compared only if this version of systemd knows it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from provision.chrony.drop_ins import TRUSTED_VARIABLE, is_harmless
from provision.chrony.unit_syntax import assignments, normal, service_settings
from provision.host.paths import UNIT_PATH

SECTIONS = {"Unit", "Service"}
"""The sections that systemd reads in a drop-in of a service; [Install] is not for drop-ins (systemd.unit(5))."""
SET_BY_SYSTEMD = {"CHRONY_GENERATION", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_PID"}
"""Environment variables that systemd sets for a process (systemd.exec(5)), and the one of our unit."""

OF_CONTAINER = "/run/systemd/system/service.d/zzz-lxc-service.conf"
"""A drop-in for all services that LXC's images write at boot: it removes settings that a container cannot have."""

AHEAD = (
    *("/etc/systemd/system.control/", "/run/systemd/system.control/", "/run/systemd/transient/"),
    *("/run/systemd/generator.early/",),
)
"""Folders that systemd searches before /etc/systemd/system (systemd.unit(5), unit file load path)."""

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


@dataclass(frozen=True, slots=True)
class DropIn:
    """A file that systemd reads behind chronyd's unit file."""

    path: str
    text: str

    def changes(self, unit: str) -> tuple[str, ...]:
        """Return the names of the directives that change a setting of the unit ``unit``, in order."""
        wanted = service_settings(unit)
        found = [
            name
            for section, name, value in assignments(self.text)
            if section in SECTIONS and not is_harmless(name, value, wanted) and not _says(wanted, name, value)
        ]
        return tuple(dict.fromkeys(found))


def _says(wanted: Mapping[str, tuple[str, ...]], name: str, value: str) -> bool:
    return name in WORDS and [normal(word) for word in wanted.get(name, ())] == [normal(value)]


@dataclass(frozen=True, kw_only=True)
class UnitState:
    """The output of ``look_unit.sh``."""

    unit: str
    """The unit of the current generation; empty where there is none."""
    container: str
    """The kind of container, in the words of systemd, such as ``lxc``; empty if the host is none."""
    files: tuple[str, ...]
    """Units named chronyd, in the order in which systemd looks for them."""
    drop_ins: tuple[DropIn, ...]
    properties: Mapping[str, str]
    process: Mapping[str, str]
    """Empty: it does not run."""
    effect_lines: tuple[str, ...] = ()
    """The lines of ``print_effects.sh``: how directives took effect."""

    def effects(self, name: str) -> tuple[str, ...]:
        """Return the lines about one kind of effect, without its name."""
        return tuple(line.partition(" ")[2] for line in self.effect_lines if line.partition(" ")[0] == name)

    @cached_property
    def excused(self) -> frozenset[str]:
        """Return the names of the settings that the manager of this container removes from all services."""
        if self.container != "lxc":
            return frozenset()
        names: set[str] = set()
        for drop_in in self.drop_ins:
            if drop_in.path == OF_CONTAINER:
                names |= {name for _, name, value in assignments(drop_in.text) if _takes_away(value)}
        return frozenset(names)

    def overrides(self, unit: str) -> tuple[str, ...]:
        """Return the files that change settings of the unit ``unit``, with the settings, in words."""
        return tuple(self._overrides(unit))

    def _overrides(self, unit: str) -> Iterator[str]:
        for path in self.files:
            if path.endswith(".service") and path.startswith(AHEAD):
                yield f"{path} is read in the place of {UNIT_PATH}"
        for drop_in in self.drop_ins:
            if changed := self._changed(drop_in, unit):
                yield f"{drop_in.path} sets {', '.join(changed)}"

    def _changed(self, drop_in: DropIn, unit: str) -> tuple[str, ...]:
        return tuple(name for name in drop_in.changes(unit) if name not in self.excused)

    @property
    def is_ours(self) -> bool:
        """Return whether systemd has loaded the unit from the file of the deployment, which is there."""
        return bool(self.unit) and self.properties.get("FragmentPath") == UNIT_PATH

    @property
    def process_differences(self) -> tuple[str, ...]:
        """Return the differences between process and unit of the current generation; none if it does not run."""
        if not (self.process and self.is_ours):
            return ()
        return tuple(process_differences(self.unit, self.process, self.excused))

    @property
    def notes(self) -> tuple[str, ...]:
        """Return notes about drop-ins and sockets that were accepted."""
        accepted = [drop_in for drop_in in self.drop_ins if drop_in.text and not self._changed(drop_in, self.unit)]
        socket = [path for path in self.files if path.endswith(".socket")]
        taken = ""
        if self.excused:
            taken = f"; this container's services do without {', '.join(sorted(self.excused))}"
        return (
            *(f"accepted: the drop-in {drop_in.path} of chronyd's unit{taken}" for drop_in in accepted),
            *(f"{path} may start chronyd with sockets of its own" for path in socket),
        )


def _takes_away(value: str) -> bool:
    return normal(value) in {"", "no", "all", "default"}


def parse_unit_state(text: str) -> UnitState:
    """Parse the output of ``look_unit.sh``; unknown lines are left out."""
    fields: dict[str, list[str]] = {}
    drop_ins: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name == "drop-in":
            drop_ins.append((value, []))
        elif name == "text" and drop_ins:
            drop_ins[-1][1].append(value)
        else:
            fields.setdefault(name, []).append(value)
    return UnitState(
        unit="\n".join(fields.get("unit", ())),
        container="".join(fields.get("container", ())),
        files=tuple(fields.get("file", ())),
        drop_ins=tuple(DropIn(path, "\n".join(lines)) for path, lines in drop_ins),
        properties=_values(fields.get("property", ())),
        process=_values(fields.get("process", ())),
        effect_lines=tuple(fields.get("effect", ())),
    )


def _values(lines: Sequence[str]) -> Mapping[str, str]:
    """Return name → value; of a name that is shown more than once, its values behind each other, a line each."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition("=")
        if name in found:
            value = f"{found[name]}\n{value}"
        found[name] = value
    return found


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
    if name == "ExecStart":
        # "{ path=… ; argv[]=… ; ignore_errors=no ; …", a line for each command.
        return [words[1].split() for words in re.finditer(r"argv\[\]=(.*?) ; ", shown)] == [
            one.split() for one in wanted
        ]
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
