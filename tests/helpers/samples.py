"""The recipe, facts, keys and generation that the tests of several modules share."""

from dataclasses import replace
from pathlib import Path

from provision.build.recipe import Recipe
from provision.chrony.releases import find
from provision.deploy.generation import Generation
from provision.host.facts import Facts, parse_facts
from provision.keys import Key, Keys
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile
from provision.site.inventory import read_inventory
from provision.site.schema import Site

CASES = Path(__file__).parents[1] / "cases"

FACTS_TEXT = (CASES / "facts" / "sandbox-bookworm.txt").read_text()
FACTS: Facts = parse_facts(FACTS_TEXT)
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
    unit_template=(
        "[Service]\nEnvironment=CHRONY_GENERATION=@GENERATION@\nUser=_chrony\n"
        "ExecStart=/opt/chrony/current/build/sbin/chronyd -n -U -f /opt/chrony/current/chrony.conf\n"
        "CapabilityBoundingSet=CAP_SYS_TIME CAP_NET_BIND_SERVICE\n"
    ),
)


def write_keys(path: Path, keys: Keys) -> None:
    """Make a key file of an operator's."""
    KeyFile(path).create(keys)


def read_keys(path: Path) -> Keys | None:
    """Return what is in a key file of an operator's."""
    return KeyReader().keys(KeyFile(path))


def read_site(path: Path | None) -> Site:
    """Return what a site file says of hosts in general."""
    return read_inventory(path).defaults
