"""Everything that one deployment puts on a host, named by its content."""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

from provision.keys import Keys
from provision.recipe import ROOT, Recipe

UNIT_PATH = "/etc/systemd/system/chronyd.service"
KEY_FILE = f"{ROOT}/current/chrony.keys"
SWITCH = f"{ROOT}/switch"
_HERE = "@GENERATION@"


@dataclass(frozen=True, kw_only=True)
class Generation:
    """A build, its configuration, its keys and its unit."""

    recipe: Recipe
    user: str
    conf: str
    keys: Keys
    unit_template: str = field(repr=False)
    """The unit, with ``@GENERATION@`` where our name belongs: it cannot be part of what it is made from."""

    @cached_property
    def id(self) -> str:
        """Return 16 hex digits of the content. Of the keys only their slow digest goes in: it names a folder."""
        parts = (self.recipe.name, self.user, self.conf, self.keys.digest, self.unit_template)
        return sha256("\0".join(parts).encode()).hexdigest()[:16]

    @property
    def path(self) -> str:
        """Return the generation's folder on the host."""
        return f"{ROOT}/generations/{self.id}"

    @property
    def unit(self) -> str:
        """Return the text of chronyd.service."""
        return self.unit_template.replace(_HERE, self.id)

    @property
    def unit_sha256(self) -> str:
        """Return the digest of chronyd.service, in hex."""
        return sha256(self.unit.encode()).hexdigest()
