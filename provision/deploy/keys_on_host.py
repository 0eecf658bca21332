"""Read the keys that a host serves with."""

from provision.host.host import Host
from provision.host.paths import KEY_FILE
from provision.keys import Keys, parse_keys


def keys_on_host(host: Host) -> Keys | None:
    """Return the keys of the current generation; None if there is none. ask() does not log them."""
    there = host.ask(f"if [ -e {KEY_FILE} ]; then cat {KEY_FILE}; fi", secret=True)
    if not there:
        return None
    return parse_keys(there, f"{host.name}: {KEY_FILE}")
