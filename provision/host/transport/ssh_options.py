"""Read the values of options of ssh_config(5)."""

from collections.abc import Mapping, Sequence

from provision.common.errors import HostUnreachable

Options = Mapping[str, Sequence[str]]
"""The options of one host: keyword in lower case → its values. Values that are lists of files are divided."""

DEFAULT_PORT = 22
FILE_LISTS = ("userknownhostsfile", "globalknownhostsfile")
"""The options that name several files in one line."""
ALGORITHMS = {
    "ciphers": "Ciphers",
    "macs": "MACs",
    "kexalgorithms": "KexAlgorithms",
    "hostkeyalgorithms": "HostKeyAlgorithms",
    "pubkeyacceptedalgorithms": "PubkeyAcceptedAlgorithms",
    "casignaturealgorithms": "CASignatureAlgorithms",
}
"""Keyword in lower case → keyword as in ssh_config(5)."""


def first_value(options: Options, key: str) -> str | None:
    """Return the first value of an option; None if there is none, or if it is ``none``."""
    value = next(iter(options.get(key, ())), "none")
    if value == "none":
        return None
    return value


def is_yes(options: Options, key: str) -> bool:
    """Return whether an option is set."""
    return first_value(options, key) in {"yes", "true"}


def port_of(name: str, options: Options) -> int:
    """Return the port of a host; ``name`` is for messages. Raises HostUnreachable."""
    number = number_of(name, options, "port", DEFAULT_PORT)
    if not is_port(number):
        raise HostUnreachable(f"{name}: the SSH configuration has port {number}, which is not between 1 and 65535")
    return number


def is_port(port: int) -> bool:
    """Return whether a port exists."""
    return 1 <= port <= 65535


def number_of(name: str, options: Options, key: str, default: int) -> int:
    """Return the number that an option has. Raises HostUnreachable."""
    said = first_value(options, key)
    if said is None:
        return default
    try:
        return int(said)
    except ValueError:
        raise HostUnreachable(f"{name}: the SSH configuration has {key} {said!r}, which is not a number") from None
