"""Each library is used in the modules that say so, is declared, and is not imported where it would be slow."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.helpers.booted_hosts import ROOT
from tests.helpers.modules import MODULES, imports

RUFF: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
BANNED: dict[str, str] = {name: ban["msg"] for name, ban in RUFF["flake8-tidy-imports"]["banned-api"].items()}
DOORS = {
    path for path, rules in RUFF["per-file-ignores"].items() if "TID251" in rules and path.startswith("provision/")
}


@cache
def through_doors() -> dict[str, set[str]]:
    """Return which files import each fenced library."""
    found: dict[str, set[str]] = {name: set() for name in BANNED}
    for module, other in imports():
        if (name := other.split(".")[0]) in BANNED:
            found[name].add(str(MODULES[module].relative_to(ROOT)))
    return found


@pytest.mark.parametrize("library", BANNED)
def test_a_library_is_used_where_its_sign_says(library: str) -> None:
    # subprocess: Invoke starts the processes, in the module that the sign names.
    used = through_doors()[library]
    named = set(re.findall(r"provision/[\w/]+\.py", BANNED[library]))
    assert used <= named
    assert used == named or library in {"subprocess", "socket"}
    assert all((ROOT / path).is_file() for path in named)


def test_each_library_that_is_imported_is_declared_and_the_other_way_round() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["dask"], *extras["report"]]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    foreign = {name.split(".")[0] for _, name in imports()} - sys.stdlib_module_names - {"provision"}
    providers = packages_distributions()
    assert {canonicalize_name(providers[name][0]) for name in foreign} == declared


def test_every_door_leads_somewhere() -> None:
    assert set().union(*through_doors().values()) == DOORS


SLOW = {
    "fabric",
    "paramiko",
    "requests",
    "rich",
    "jinja2",
    "pysequoia",
    "ntplib",
    "cryptography",
    "msgspec",
    "cyclonedx",
    "prometheus_client",
    "distributed",
    "bokeh",
}


def test_listing_tasks_imports_nothing_slow() -> None:
    seen: set[str] = set()
    waiting = ["provision.cli.tasks"]
    while waiting:
        module = waiting.pop()
        for node in ast.parse(MODULES[module].read_text()).body:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            waiting += [name for name in names if name in MODULES and name not in seen]
            seen |= set(names)
    assert {name.split(".")[0] for name in seen} & SLOW == set()
