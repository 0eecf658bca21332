"""A wish and a host as the tests of several modules know them."""

from dataclasses import replace
from pathlib import Path

from provision import key_source
from provision.facts import Facts, parse_facts
from provision.generation import Generation
from provision.key_source import KeyFile
from provision.keys import Key, Keys
from provision.recipe import Recipe
from provision.releases import find
from provision.roster import read_roster
from provision.site import Site

CASES = Path(__file__).parent / "cases"

FACTS: Facts = parse_facts((CASES / "facts" / "sandbox-bookworm.txt").read_text())
RECIPE = Recipe(
    chrony=find("chrony", "4.9"),
    nettle=find("nettle", "3.10.2"),
    platform="debian-12-x86_64-glibc-2.36",
    user="_chrony",
)
SYSTEM_NETTLE = replace(RECIPE, nettle=None)
SECRET = "7EA62AE64D190114D46D5A082F948EC1"  # noqa: S105 -- a key of no use
KEYS = Keys((Key(1, "AES128", bytes.fromhex(SECRET)),))
GENERATION = Generation(
    recipe=RECIPE,
    user="_chrony",
    conf="pool pool.ntp.org iburst\nkeyfile /opt/chrony/current/chrony.keys\n",
    keys=KEYS,
    unit_template="[Service]\nEnvironment=CHRONY_GENERATION=@GENERATION@\n",
)


def write_keys(path: Path, keys: Keys) -> None:
    """Make a key file of an operator's."""
    KeyFile(path).create(keys)


def read_keys(path: Path) -> Keys | None:
    """Return what is in a key file of an operator's."""
    return key_source.read_keys(KeyFile(path))


def read_site(path: Path | None) -> Site:
    """Return what a site file says of hosts in general."""
    return read_roster(path).defaults
