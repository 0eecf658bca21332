"""zypper and pacman for real, on a Debian that has both: what is missing is named, the rest is installed once.

The packages of their repositories are empty, and are called as SUSE and Arch call them; nothing is compiled with them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from shlex import join

import pytest

from provision.build.requirements import needed
from provision.common.errors import CommandFailed
from provision.common.results import Status
from provision.deploy.converge import converge
from provision.deploy.steps import Phase
from provision.deploy.steps.packages import Packages
from provision.host.host import Host
from provision.host.packages import MANAGERS
from provision.host.packages.manager import Manager
from provision.host.sandbox.sandbox import Sandbox
from provision.host.target import Kind, Target
from provision.host.transport.ssh import SshTransport
from tests.helpers.booted_hosts import booted, login
from tests.helpers.host_state import install
from tests.helpers.package_repositories import (
    PACMAN_FOLDER,
    PACMAN_OWNED,
    RPM_FOLDER,
    RPM_OWNED,
    offer_pacman,
    offer_rpms,
)
from tests.helpers.samples import RECIPE

pytestmark = pytest.mark.integration

PACKAGES = ("zypper", "rpm", "createrepo-c", "pacman-package-manager", "makepkg", "libarchive-tools")
REPOSITORIES = f"""
mkdir -p {RPM_FOLDER}
zypper -n addrepo --no-gpgcheck --refresh file://{RPM_FOLDER} local-packages
printf '[options]\\nArchitecture = auto\\nSigLevel = Never\\n[local-packages]\\nServer = file://{PACMAN_FOLDER}\\n' \\
    >/etc/pacman.conf
# zypper has the database of a whole system; that of Debian's rpm is in a home.
mkdir -p /etc/rpm
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros.local
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """A host with one package manager."""

    sandbox: Sandbox
    host: Host
    manager: Manager
    names: tuple[str, ...]
    """What a build needs there."""
    offer: Callable[[Sandbox, Iterable[str]], None]
    listing: str
    """The command that lists what is installed."""
    owned: str
    """The folder with a file of each package."""

    @property
    def installed(self) -> set[str]:
        return set(login(self.sandbox, self.listing).split())

    def install(self) -> Status:
        """Have the packages for a build, and say whether something was changed."""
        (outcome,) = converge(self.host, [Phase("alone", (Packages(self.manager, self.names, ""),))])
        return outcome.status


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with booted("it-managers") as one:
        install(one, "--no-install-recommends", *PACKAGES)
        login(one, REPOSITORIES)
        yield one


@pytest.fixture(scope="module", params=["zypper", "pacman"])
def managed(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Managed]:
    offer, listing, owned = {
        "zypper": (offer_rpms, "rpm -qa --qf '%{NAME}\\n'", RPM_OWNED),
        "pacman": (offer_pacman, "pacman -Qq || true", PACMAN_OWNED),
    }[request.param]
    target = Target(text=sandbox.name, kind=Kind.SSH, address=sandbox.address, user="root")
    host = Host(SshTransport(target, key=sandbox.key, host_key=sandbox.host_key))
    manager = MANAGERS[request.param]
    try:
        yield Managed(
            sandbox=sandbox,
            host=host,
            manager=manager,
            names=needed(manager, RECIPE),
            offer=offer,
            listing=listing,
            owned=owned,
        )
    finally:
        host.transport.close()


def test_a_package_that_no_repository_has_is_named(managed: Managed) -> None:
    # The manager's own lists are as old as the host: it has to fetch them to find the others.
    managed.offer(managed.sandbox, set(managed.names) - {managed.manager.readline})
    with pytest.raises(CommandFailed, match=rf"no repository that is enabled has {managed.manager.readline}:"):
        managed.install()
    assert managed.installed == set(), "all or nothing"


def test_what_is_missing_is_installed_once(managed: Managed) -> None:
    managed.offer(managed.sandbox, [managed.manager.readline])
    assert managed.install() is Status.CHANGED
    assert managed.installed == set(managed.names)
    assert managed.install() is Status.UNCHANGED


def test_a_file_is_of_its_package(managed: Managed) -> None:
    package = managed.manager.libcap
    ask = join(("sh", "-c", managed.manager.owner, "owner", f"{managed.owned}/{package}"))
    assert login(managed.sandbox, ask).split()[0] == package
