"""What a build needs from a distribution: by package manager, and what some distributions keep apart or have too old.

docs/platforms.md says where each name was seen. A name that is missing here would not stop chrony's configure: it
degrades in silence, which is why ``configure_log.refusals`` judges its output as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from provision.errors import SiteError
from provision.facts import Facts
from provision.libraries import Libraries
from provision.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """A package manager: how to ask, how to install, and what it calls what we need.

    ``query`` and ``offers`` are sh that exits 0 if the package ``$1`` is installed, or is in a repository that is
    enabled; ``owner`` is sh that prints the name of the package to which the file ``$1`` belongs, without its version;
    ``install`` takes packages as its arguments.
    """

    refresh: str
    """Fetch the lists; it fails where a repository cannot be reached."""
    install: str
    query: str
    offers: str
    owner: str
    tools: tuple[str, ...]
    """The compiler, and what minimal images lack of what else it takes to build."""
    scripts: tuple[str, ...] = ()
    """What minimal images lack of what our scripts call on every host."""
    libcap: str
    seccomp: str
    readline: str
    gnutls: str
    nettle: str
    pps: str
    remedy: str = ""
    """What to do on this host about a package that no repository offers."""


NO_OWNER = "false"
"""Where there is no package manager, no file belongs to a package."""
_TOOLS = ("gcc", "make", "m4")
_ARCHIVES = ("tar", "gzip")
_RPM_NAMES: Mapping[str, str] = {
    "libcap": "libcap-devel",
    "seccomp": "libseccomp-devel",
    "readline": "libedit-devel",
    "gnutls": "gnutls-devel",
    "nettle": "nettle-devel",
    "pps": "pps-tools-devel",
}
_RPM_QUERY = 'rpm -q --whatprovides "$1" >/dev/null 2>&1'
_RPM_OWNER = "rpm -qf --qf '%{NAME}\\n' \"$1\""

MANAGERS: Mapping[str, Manager] = {
    "apt-get": Manager(
        # A fresh cloud host runs unattended-upgrades when we arrive: wait for its lock.
        # What a full disk, or a power cut, has left half-installed keeps apt from installing anything else. It is
        # completed, or taken away again; but nothing for which apt would remove a package that is whole.
        refresh=(
            "export DEBIAN_FRONTEND=noninteractive; dpkg --configure -a; "
            "apt-get -qq -o DPkg::Lock::Timeout=300 update || exit; "
            "dpkg-query -W -f '${db:Status-Eflag} ${Package}\\n' | sed -n 's/^reinstreq //p' | "
            "xargs -r apt-get -y -o DPkg::Lock::Timeout=300 --no-remove --reinstall install; "
            '[ -z "$(dpkg --audit)" ] || apt-get -s --fix-broken install | sed -n "s/^Remv \\([^ ]*\\).*/\\1/p" | '
            "xargs -r dpkg-query -W -f '${db:Status-Status}\\n' | grep -qx installed || "
            "apt-get -y -o DPkg::Lock::Timeout=300 --no-install-recommends --fix-broken install || true"
        ),
        install="DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 install --no-install-recommends",
        query="dpkg-query -W -f '${db:Status-Status}\\n' \"$1\" 2>/dev/null | grep -qx installed",
        offers='apt-cache show "$1"',
        # "libc6:amd64: /lib/…"; "diversion by PACKAGE from: …" stands before it where a file was diverted.
        owner="dpkg-query -S \"$1\" | sed '/^diversion by /d; s/[:,].*//; q'",
        tools=("gcc", "make", "libc6-dev", "pkg-config", "m4"),
        libcap="libcap-dev",
        seccomp="libseccomp-dev",
        readline="libedit-dev",
        gnutls="libgnutls28-dev",
        nettle="nettle-dev",
        pps="pps-tools",
    ),
    "dnf": Manager(
        refresh="dnf -q --refresh makecache",
        install="dnf -y --setopt=install_weak_deps=False install",
        query=_RPM_QUERY,
        offers='dnf -q list "$1"',
        owner=_RPM_OWNER,
        tools=(*_TOOLS, "glibc-devel", "pkgconf-pkg-config"),
        scripts=(*_ARCHIVES, "shadow-utils"),
        **_RPM_NAMES,
    ),
    "yum": Manager(
        refresh="yum -q makecache",
        # Without the option, yum 3 leaves out what it does not find, and says that all went well: yum.conf(5).
        install="yum -y --setopt=skip_missing_names_on_install=False install",
        query=_RPM_QUERY,
        offers='yum -q list "$1"',
        owner=_RPM_OWNER,
        tools=(*_TOOLS, "glibc-devel", "pkgconfig"),
        scripts=(*_ARCHIVES, "shadow-utils"),
        **_RPM_NAMES,
    ),
    "zypper": Manager(
        refresh="zypper -n refresh",
        install="zypper -n install --no-recommends",
        query=_RPM_QUERY,
        offers='zypper -n search --match-exact --provides "$1"',
        owner=_RPM_OWNER,
        tools=(*_TOOLS, "glibc-devel", "pkg-config"),
        scripts=(*_ARCHIVES, "shadow"),
        **{**_RPM_NAMES, "gnutls": "libgnutls-devel", "nettle": "libnettle-devel"},
    ),
    "apk": Manager(
        refresh="apk update",
        install="apk add",
        query='apk info -e "$1" >/dev/null 2>&1',
        offers='apk search -e "$1" | grep -q .',
        # "/lib/libc.so is owned by musl-1.2.5-r9"
        owner="apk info --who-owns \"$1\" | sed -n 's/.* is owned by \\(.*\\)-[^-]*-r[0-9]*$/\\1/p'",
        tools=(*_TOOLS, "musl-dev", "linux-headers", "pkgconf"),
        scripts=(*_ARCHIVES, "coreutils", "setpriv"),
        libcap="libcap-dev",
        seccomp="libseccomp-dev",
        readline="libedit-dev",
        gnutls="gnutls-dev",
        nettle="nettle-dev",
        pps="pps-tools-dev",
    ),
    "pacman": Manager(
        refresh="pacman -Sy",
        install="pacman -S --noconfirm --needed",
        query='pacman -Qq "$1" >/dev/null 2>&1',
        offers='pacman -Si "$1"',
        owner='pacman -Qoq "$1"',
        tools=(*_TOOLS, "glibc", "pkgconf"),
        scripts=_ARCHIVES,
        libcap="libcap",
        seccomp="libseccomp",
        readline="libedit",
        gnutls="gnutls",
        nettle="nettle",
        pps="pps-tools",
    ),
}

_CRB = "dnf -y install dnf-plugins-core && dnf config-manager --set-enabled"
_WITHOUT_TLS13: Mapping[tuple[str, str], str] = {
    ("amzn", "2"): "3.3",
    ("centos", "7"): "3.3",
    ("ol", "7"): "3.3",
    ("rhel", "7"): "3.3",
    ("sles", "12"): "3.4",
    ("ubuntu", "18"): "3.5",
}
"""Distributions whose GnuTLS is older than 3.6.3, the first with TLS 1.3, and which one it is."""


def needed(manager: Manager, recipe: Recipe) -> tuple[str, ...]:
    """Return the packages that a recipe is built with."""
    return (
        *manager.tools,
        *manager.scripts,
        manager.libcap,
        *((manager.seccomp,) if recipe.seccomp else ()),
        *((manager.readline,) if recipe.readline else ()),
        *((manager.gnutls,) if recipe.nts else ()),
        *((manager.nettle,) if recipe.nettle is None else ()),
        *((manager.pps,) if recipe.pps else ()),
    )


def runtime(manager: Manager, libraries: Libraries) -> tuple[str, ...]:
    """Return the packages that a finished build needs on a further host: no compiler, and no headers."""
    return (*manager.scripts, *libraries.packages)


def manager_of(name: str, facts: Facts, recipe: Recipe) -> Manager | None:
    """Return the package manager of the host called ``name``; None where there is none but the tools are there already.

    Raises SiteError where neither is, and where the distribution has nothing that the recipe could be built with.
    """
    gnutls = _WITHOUT_TLS13.get((facts.os, _major(facts)))
    if recipe.nts and gnutls is not None:
        raise SiteError(f"{name}: {facts.os_name} has GnuTLS {gnutls}, and NTS needs 3.6.3: choose build.nts = false")
    if facts.packager is not None:
        manager = MANAGERS[facts.packager]
        return replace(manager, remedy=_remedy(manager, facts))
    if facts.absent_tools:
        raise SiteError(
            f"{name}: no {', '.join(facts.absent_tools)}, and no package manager that we know "
            "(apt, dnf, yum, zypper, apk, pacman): install a compiler, make, m4, pkg-config, tar, gzip and the headers "
            "of libcap, libseccomp, libedit and GnuTLS by hand"
        )
    return None


def _remedy(manager: Manager, facts: Facts) -> str:
    command = _enabling(facts)
    enable = f"enable one that has it, with: {command}; or" if command else "enable one that has it, or"
    return (
        f"{enable} choose build.readline = false ({manager.readline}), "
        f"build.seccomp = false ({manager.seccomp}) or build.nts = false ({manager.gnutls})"
    )


def _enabling(facts: Facts) -> str | None:
    """Return the command that enables the repository where this distribution keeps headers apart."""
    major = _major(facts)
    match facts.os, major:
        case "rhel", "8" | "9" | "10":
            return f"subscription-manager repos --enable codeready-builder-for-rhel-{major}-{facts.machine}-rpms"
        case "ol", "8" | "9" | "10":
            return f"{_CRB} ol{major}_codeready_builder"
        case "rocky" | "almalinux" | "centos", "8":
            return f"{_CRB} powertools"
        case "rocky" | "almalinux" | "centos", "9" | "10":
            return f"{_CRB} crb"
        case "sles", "15":
            return f"SUSEConnect -p sle-module-development-tools/{facts.os_version}/{facts.machine}"
        case _:
            return None


def _major(facts: Facts) -> str:
    return facts.os_version.partition(".")[0]
