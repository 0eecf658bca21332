"""What a build needs from a distribution, by package manager. Only apt is tried on booted hosts.

RHEL's names are those that its chrony.spec builds with; the names for openSUSE, Alpine and Arch are what their packages
are called, and nobody has built with them yet. A name that is missing here would not stop chrony's configure: it
degrades in silence, which is why ``configure_log.refusals`` judges its output as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from shlex import join

from provision.errors import SiteError
from provision.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """A package manager: how to ask, how to install, and what it calls what we need."""

    refresh: str
    """Fetch the lists; nothing where the install does it."""
    install: str
    query: str
    """Exits 0 if the package ``$1`` is installed."""
    compiler: tuple[str, ...]
    libcap: str
    seccomp: str
    readline: str
    gnutls: str
    nettle: str


_RPM_NAMES: Mapping[str, str] = {
    "libcap": "libcap-devel",
    "seccomp": "libseccomp-devel",
    "readline": "libedit-devel",
    "gnutls": "gnutls-devel",
    "nettle": "nettle-devel",
}
_RPM_QUERY = 'rpm -q --whatprovides "$1" >/dev/null 2>&1'

MANAGERS: Mapping[str, Manager] = {
    "apt-get": Manager(
        # A fresh cloud host runs unattended-upgrades when we arrive: wait for its lock.
        refresh="apt-get -qq -o DPkg::Lock::Timeout=300 update",
        install="DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 install --no-install-recommends",
        query="dpkg-query -W -f '${db:Status-Status}\\n' \"$1\" 2>/dev/null | grep -qx installed",
        compiler=("gcc", "make", "libc6-dev", "pkg-config", "m4"),
        libcap="libcap-dev",
        seccomp="libseccomp-dev",
        readline="libedit-dev",
        gnutls="libgnutls28-dev",
        nettle="nettle-dev",
    ),
    "dnf": Manager(
        refresh="true",
        install="dnf -y --setopt=install_weak_deps=False install",
        query=_RPM_QUERY,
        compiler=("gcc", "make", "glibc-devel", "pkgconf-pkg-config", "m4"),
        **_RPM_NAMES,
    ),
    "yum": Manager(
        refresh="true",
        install="yum -y install",
        query=_RPM_QUERY,
        compiler=("gcc", "make", "glibc-devel", "pkgconfig", "m4"),
        **_RPM_NAMES,
    ),
    "zypper": Manager(
        refresh="zypper -n refresh",
        install="zypper -n install --no-recommends",
        query=_RPM_QUERY,
        compiler=("gcc", "make", "glibc-devel", "pkg-config", "m4"),
        **{**_RPM_NAMES, "gnutls": "libgnutls-devel", "nettle": "libnettle-devel"},
    ),
    "apk": Manager(
        refresh="apk update",
        install="apk add",
        query='apk info -e "$1" >/dev/null 2>&1',
        compiler=("gcc", "make", "musl-dev", "linux-headers", "pkgconf", "m4", "setpriv"),
        libcap="libcap-dev",
        seccomp="libseccomp-dev",
        readline="libedit-dev",
        gnutls="gnutls-dev",
        nettle="nettle-dev",
    ),
    "pacman": Manager(
        refresh="true",
        install="pacman -Sy --noconfirm --needed",
        query='pacman -Qq "$1" >/dev/null 2>&1',
        compiler=("gcc", "make", "glibc", "pkgconf", "m4"),
        libcap="libcap",
        seccomp="libseccomp",
        readline="libedit",
        gnutls="gnutls",
        nettle="nettle",
    ),
}


def needed(manager: Manager, recipe: Recipe) -> tuple[str, ...]:
    """Return the packages that a recipe is built with."""
    return (
        *manager.compiler,
        manager.libcap,
        *((manager.seccomp,) if recipe.seccomp else ()),
        *((manager.readline,) if recipe.readline else ()),
        *((manager.gnutls,) if recipe.nts else ()),
        *((manager.nettle,) if recipe.nettle is None else ()),
    )


def install_script(manager: Manager, missing: tuple[str, ...]) -> str:
    """Return the script that installs packages; lists that are old or missing are fetched when it fails."""
    install = f"{manager.install} {join(missing)}"
    return f"{install} || {{ {manager.refresh} && {install}; }}"


def manager_of(name: str, packager: str | None, absent_tools: tuple[str, ...]) -> Manager | None:
    """Return the package manager of the host called ``name``; None where there is none but the tools are there already.

    Raises SiteError where neither is.
    """
    if packager is not None:
        return MANAGERS[packager]
    if absent_tools:
        raise SiteError(
            f"{name}: no {', '.join(absent_tools)}, and no package manager that we know "
            "(apt, dnf, yum, zypper, apk, pacman): install a compiler, make, m4, pkg-config and the headers "
            "of libcap, libseccomp, libedit and GnuTLS by hand"
        )
    return None
