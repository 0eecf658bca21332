"""The package managers that hosts may have, by the program that is looked for on a host.

docs/platforms.md says where each name of a package was seen.
"""

from collections.abc import Mapping

from provision.host.packages.apk import APK
from provision.host.packages.apt import APT
from provision.host.packages.dnf import DNF, YUM
from provision.host.packages.manager import Manager
from provision.host.packages.pacman import PACMAN
from provision.host.packages.zypper import ZYPPER

MANAGERS: Mapping[str, Manager] = {
    "apt-get": APT,
    "dnf": DNF,
    "yum": YUM,
    "zypper": ZYPPER,
    "apk": APK,
    "pacman": PACMAN,
}
NO_OWNER = "false"
"""sh for a host without a package manager, where no file belongs to a package; see ``Manager.owner``."""
