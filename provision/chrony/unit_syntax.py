"""Parse unit files and drop-ins (systemd.syntax(7), systemd.unit(5))."""

import re
from collections.abc import Iterator, Mapping

_ASSIGNMENT = re.compile(r"([A-Za-z][A-Za-z0-9]*)\s*=\s*(.*)")
_TRUE, _FALSE = {"1", "yes", "y", "true", "t", "on"}, {"0", "no", "n", "false", "f", "off"}


def assignments(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield (section, name, value) of each assignment, in order; an empty value resets the previous ones."""
    section = ""
    for line in _logical_lines(text):
        if line.startswith("["):
            section = line.strip("[]")
        elif (found := _ASSIGNMENT.fullmatch(line)) is not None:
            yield section, found[1], found[2]


def service_settings(unit: str) -> Mapping[str, tuple[str, ...]]:
    """Return the settings in the [Service] section of a unit: each name with its values, in order."""
    return settings(unit, "Service")


def settings(unit: str, section: str) -> Mapping[str, tuple[str, ...]]:
    """Return the settings in a section of a unit: each name with its values, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for place, name, value in assignments(unit):
        if place != section:
            continue
        if value:
            found[name] = (*found.get(name, ()), value)
        else:
            # An empty value removes those before it.
            found[name] = ()
    return found


def normal(value: str) -> str:
    """Return a boolean value as ``systemctl show`` prints it (systemd.syntax(7)); any other value unchanged."""
    word = value.lower()
    if word in _TRUE:
        return "yes"
    if word in _FALSE:
        return "no"
    return value


def _logical_lines(text: str) -> Iterator[str]:
    """Yield lines without comments; lines that end in a backslash are joined with the next one."""
    begun = ""
    for line in text.removeprefix("\ufeff").splitlines():
        stripped = line.strip()
        if stripped.startswith(("#", ";")):
            continue
        if stripped.endswith("\\"):
            begun += f"{stripped[:-1]} "
            continue
        whole = f"{begun}{stripped}".strip()
        begun = ""
        if whole:
            yield whole
    if begun.strip():
        yield begun.strip()
