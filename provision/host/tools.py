"""Refuse a host that lacks tools which the scripts call, and name the packages that have them."""

from provision.common.errors import HostUnready
from provision.host.facts import Facts
from provision.host.packages import MANAGERS


def refuse_missing_tools(name: str, facts: Facts) -> None:
    """Raise HostUnready if a tool is missing that is needed before any package can be installed."""
    missing = [tool for tool in facts.lacking_tools if not _will_be_installed(tool, facts.packager)]
    if not missing:
        return
    remedy = "install them by hand"
    if facts.packager is not None:
        manager = MANAGERS[facts.packager]
        remedy = f"run: {manager.by_hand} {' '.join(manager.packages_of(missing))}"
    raise HostUnready(f"{name}: this host has no {', '.join(missing)}, which our scripts call: {remedy}")


def _will_be_installed(tool: str, packager: str | None) -> bool:
    """Return whether a tool comes with the packages of a build; scripts call it only after their installation."""
    if packager is None:
        return False
    manager = MANAGERS[packager]
    return set(manager.packages_of([tool])) <= set(manager.scripts)
