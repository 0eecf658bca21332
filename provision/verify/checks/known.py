"""The ids of all checks, for a file of rules that names them."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from provision.verify import checks
from provision.verify.checks.check import Check
from provision.verify.checks.nts import NtsChecks
from provision.verify.checks.requests import RequestChecks
from provision.verify.checks.site import COMPARED_STEPS


def check_ids() -> frozenset[str]:
    """Return the ids of all checks, as docs/checks.md lists them."""
    states = (f"site.{step}" for step in COMPARED_STEPS)
    return frozenset((*states, *(check.id for check in defined_checks())))


def defined_checks() -> Iterator[Check]:
    """Yield each check that a module of the package defines, and those of each client's requests."""
    for info in iter_modules(checks.__path__):
        for value in vars(import_module(f"{checks.__name__}.{info.name}")).values():
            if isinstance(value, Check):
                yield value
            if isinstance(value, RequestChecks | NtsChecks):
                yield from value.all
