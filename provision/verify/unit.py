"""Read the state of chronyd's unit on a host: its files and drop-ins, its properties, its process.

A drop-in of an administrator is accepted if it changes no setting that the deployment relies on; any other is named.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from provision.chrony.drop_ins import is_harmless
from provision.chrony.unit_syntax import assignments, normal, service_settings, settings
from provision.host.paths import SOCKET_PATH, UNIT_PATH
from provision.verify.unit_differences import WORDS, process_differences

SOCKET = "chronyd.socket"
MANAGED = "# Managed by chrony-provision"
"""The first words of a file that this tool writes to a host."""
SECTIONS = {"Unit", "Service"}
"""The sections that systemd reads in a drop-in of a service; [Install] is not for drop-ins (systemd.unit(5))."""

OF_CONTAINER = "/run/systemd/system/service.d/zzz-lxc-service.conf"
"""A drop-in for all services that LXC's images write at boot: it removes settings that a container cannot have."""

AHEAD = (
    *("/etc/systemd/system.control/", "/run/systemd/system.control/", "/run/systemd/transient/"),
    *("/run/systemd/generator.early/",),
)
"""Folders that systemd searches before /etc/systemd/system (systemd.unit(5), unit file load path)."""


@dataclass(frozen=True, slots=True)
class DropIn:
    """A file that systemd reads after chronyd's unit file."""

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
    socket: str = ""
    """The text of chronyd.socket in /etc/systemd/system; empty where there is none."""
    socket_drop_ins: tuple[str, ...] = ()
    """Files of others that change the socket unit."""
    undo_files: tuple[str, ...] = ()
    """Files of others that change the timer of the automatic rollback, or its service."""
    required: tuple[str, ...] = ()
    """Links of others in the folder ``chronyd.service.requires``: units without which chronyd does not start."""
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
        if SOCKET in settings(unit, "Unit").get("Requires", ()):
            yield from self._overrides_of_socket()
        for path in self.required:
            yield f"{path} has chronyd start only with that unit"
        for path in self.undo_files:
            yield f"{path} changes the units of the automatic rollback"
        for drop_in in self.drop_ins:
            if changed := self._changed(drop_in, unit):
                yield f"{drop_in.path} sets {', '.join(changed)}"

    def _overrides_of_socket(self) -> Iterator[str]:
        for path in self.files:
            if path.endswith(".socket") and path.startswith(AHEAD):
                yield f"{path} is read in the place of {SOCKET_PATH}"
        # An empty file, or a link to /dev/null, masks the unit.
        if SOCKET_PATH in self.files and not self.socket.startswith(MANAGED):
            yield f"{SOCKET_PATH} is not of this tool"
        for path in self.socket_drop_ins:
            yield f"{path} changes {SOCKET}"

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
        socket = [path for path in self.files if path.endswith(".socket") and not self.socket.startswith(MANAGED)]
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
        required=tuple(fields.get("requires", ())),
        socket="\n".join(fields.get("socket", ())),
        socket_drop_ins=tuple(fields.get("socket drop-in", ())),
        undo_files=tuple(fields.get("undo", ())),
        process=_values(fields.get("process", ())),
        effect_lines=tuple(fields.get("effect", ())),
    )


def _values(lines: Sequence[str]) -> Mapping[str, str]:
    """Return name → value; a name that is shown more than once has its values on a line each."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition("=")
        if name in found:
            value = f"{found[name]}\n{value}"
        found[name] = value
    return found
