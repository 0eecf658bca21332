"""A key file with a key that is rotated, the state of its rotation, and a site whose hosts use it."""

from datetime import date
from pathlib import Path

from provision.fleet.rotation import (
    Rotation,
    begin,
    finish,
    retire_old,
    under_way,
)
from provision.keys import parse_keys
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile
from provision.site.inventory import Inventory, read_inventory

TODAY = date(2026, 11, 23)
OLD = "1 AES256 HEX:00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"
OLD_HALF = "00112233445566778899AABBCCDDEEFF"
DEVICE = "# a device\n7 AES128 HEX:0123456789ABCDEF0123456789ABCDEF\n"


def key_file(folder: Path) -> KeyFile:
    """Write a key file with a key of machines and a key of a device."""
    path = folder / "chrony.keys"
    path.write_text(f"# added 2025-01-01: machines\n{OLD}{DEVICE}")
    path.chmod(0o600)
    return KeyFile(path)


def text(source: KeyFile) -> str:
    """Return the content of a key file."""
    return source.path.read_text()


def recorded(source: KeyFile) -> Rotation | None:
    """Return the rotation that is under way, as the next run sees it."""
    return under_way(source.state(), parse_keys(text(source), source.name), source.name)


def start(source: KeyFile, old: int = 1, type_: str | None = None) -> Rotation:
    """Begin to replace a key by key 8."""
    return begin(KeyReader(), source, old, 8, type_=type_, today=TODAY)


DEVICES_KEY_1 = "# another device\n1 AES256 HEX:0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\n"


def reuse_old_id(source: KeyFile) -> None:
    """Add a key for a device with the id of the old key, as ``keys.add`` does once the old key is removed."""
    source.path.write_text(text(source) + DEVICES_KEY_1)


def next_rotation(source: KeyFile, begun: Rotation) -> Rotation:
    """Finish a rotation and begin the next one, as another run does."""
    retire_old(KeyReader(), source, begun)
    finish(KeyReader(), source, begun)
    return begin(KeyReader(), source, begun.new, 9, type_=None, today=TODAY)


SITE = """
keys.file = "chrony.keys"
[groups.servers]
[groups.clients]
serve.role = "client"
time.follows = "servers"
[hosts]
ntp1 = { group = "servers" }
ntp2 = { group = "servers" }
web1 = { group = "clients" }
"""


def inventory_of(source: KeyFile, text: str = SITE) -> Inventory:
    """Write a site file beside a key file, and read it."""
    site = source.path.with_name("site.toml")
    site.write_text(text)
    return read_inventory(site)
