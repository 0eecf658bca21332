"""List the packages that are needed to compile a recipe, and those that a finished build needs to run.

A missing package name would not stop chrony's configure: it omits the feature and exits with 0.
``configure_log.refusals`` therefore checks its output.
"""

from collections.abc import Mapping
from dataclasses import replace

from provision.build.libraries import Libraries
from provision.build.recipe import Recipe
from provision.common.errors import SiteError
from provision.host.facts import Facts
from provision.host.packages import MANAGERS
from provision.host.packages.manager import Manager

_CRB = "dnf -y install dnf-plugins-core && dnf config-manager --set-enabled"
_WITHOUT_TLS13: Mapping[tuple[str, str], str] = {
    ("amzn", "2"): "3.3",
    ("centos", "7"): "3.3",
    ("ol", "7"): "3.3",
    ("rhel", "7"): "3.3",
    ("sles", "12"): "3.4",
    ("ubuntu", "18"): "3.5",
}
"""Distributions with a GnuTLS before 3.6.3, the first version with TLS 1.3, and their version of it."""


def needed(manager: Manager, recipe: Recipe) -> tuple[str, ...]:
    """Return the packages that are needed to compile a recipe."""
    packages = [*compilers(manager), manager.libcap]
    if recipe.seccomp:
        packages.append(manager.seccomp)
    if recipe.readline:
        packages.append(manager.readline)
    if recipe.nts:
        packages.append(manager.gnutls)
    if recipe.nettle is None:
        packages.append(manager.nettle)
    if recipe.pps:
        packages.append(manager.pps)
    return tuple(packages)


def compilers(manager: Manager) -> tuple[str, ...]:
    """Return those of the packages to compile a recipe that Nettle needs; chrony also needs headers of libraries."""
    return (*manager.tools, *manager.scripts)


def runtime(manager: Manager, libraries: Libraries) -> tuple[str, ...]:
    """Return the packages that a finished build needs on a further host, without compiler and headers."""
    return (*manager.scripts, *libraries.packages)


def manager_of(name: str, facts: Facts, recipe: Recipe) -> Manager | None:
    """Return the package manager of the host ``name``, or None if it has none, but all tools are installed.

    Raises SiteError if it has neither, or if the distribution lacks packages that the recipe needs.
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
            f"({', '.join(MANAGERS)}): install a compiler, make, m4, pkg-config, tar, gzip and the headers "
            "of libcap, libseccomp, libedit and GnuTLS by hand"
        )
    return None


def _remedy(manager: Manager, facts: Facts) -> str:
    enable = "enable one that has it, or"
    if command := _enabling(facts):
        enable = f"enable one that has it, with: {command}; or"
    return (
        f"{enable} choose build.readline = false ({manager.readline}), "
        f"build.seccomp = false ({manager.seccomp}) or build.nts = false ({manager.gnutls})"
    )


def _enabling(facts: Facts) -> str | None:
    """Return the command that enables the distribution's separate repository for headers, or None."""
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
