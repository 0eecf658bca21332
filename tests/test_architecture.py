"""The architecture: imports point down the map, words touch no world, and each library has one door."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import provision
from tests.booted import ROOT

PACKAGE = ROOT / "provision"
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """Return the dotted name of a file: ``provision.site.clock``, ``provision.site`` for a package."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def map_sections() -> dict[str, list[str]]:
    """Read the map: the names of each section, in order; those of one line are separated by commas."""
    sections: dict[str, list[str]] = {}
    assert provision.__doc__ is not None
    for line in provision.__doc__.splitlines():
        if (title := re.match(r"(Words|Edge|States|Story)\b", line)) is not None:
            names = sections.setdefault(title[1], [])
        elif sections and (found := re.match(r" {4}(?P<names>[a-z_]+/?(?:, [a-z_]+/?)*)(?: {2,}|$)", line)) is not None:
            names += [name.rstrip("/") for name in found["names"].split(", ")]
    return sections


SECTIONS = map_sections()
ORDER = [name for names in SECTIONS.values() for name in names]


def place(module: str) -> str:
    """Return where a module stands on the map: a package is one place."""
    return module.split(".")[1]


def trees(*modules: str) -> Iterator[tuple[str, ast.AST]]:
    for module in modules or MODULES:
        for node in ast.walk(ast.parse(MODULES[module].read_text())):
            yield module, node


def imports(*modules: str) -> Iterator[tuple[str, str]]:
    """Yield (module, what it imports), also inside functions; of a package, the module that is meant."""
    for module, node in trees(*modules):
        if isinstance(node, ast.Import):
            yield from ((module, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((module, name if name in MODULES else node.module) for name in inner)


def test_the_map_names_every_module_once() -> None:
    assert sorted(ORDER) == sorted({place(module) for module in MODULES if module != "provision"})
    assert set(SECTIONS) == {"Words", "Edge", "States", "Story"}


EDGES = sorted({(module, other) for module, other in imports() if other in MODULES and other != "provision"})
BETWEEN_PLACES = [(module, other) for module, other in EDGES if place(module) != place(other)]


@pytest.mark.parametrize(("importer", "imported"), BETWEEN_PLACES)
def test_imports_point_down(importer: str, imported: str) -> None:
    assert ORDER.index(place(imported)) < ORDER.index(place(importer))


def test_no_module_needs_itself_by_a_detour() -> None:
    needs: dict[str, set[str]] = {module: set() for module in MODULES}
    for importer, imported in EDGES:
        needs[importer].add(imported)
    left = dict(needs)
    while ready := [module for module, others in left.items() if not others & left.keys()]:
        for module in ready:
            del left[module]
    assert left == {}


WORLD = {
    "asyncio",
    "fabric",
    "fcntl",
    "getpass",
    "http",
    "invoke",
    "multiprocessing",
    "ntplib",
    "paramiko",
    "platformdirs",
    "requests",
    "rich",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "subprocess",
    "sys",
    "threading",
    "time",
    "urllib3",
}
"""Modules that touch a world outside: processes, network, terminal, clock."""
FILE_VERBS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir", "exists", "iterdir"}
OWN_DATA = {"provision.releases", "provision.site.directive"}
"""They read what lies beside them in the package."""
OPERATORS_FILES = {"provision.site"}
"""It is about one file of the operator's, and reads just that."""
WORDS = sorted(module for module in MODULES if module != "provision" and place(module) in SECTIONS["Words"])


@pytest.mark.parametrize("module", WORDS)
def test_words_touch_no_world(module: str) -> None:
    touched = {other.split(".")[0] for _, other in imports(module)} & WORLD
    assert touched == set()


@pytest.mark.parametrize("module", WORDS)
def test_words_read_no_file_but_their_own(module: str) -> None:
    calls = [node.func for _, node in trees(module) if isinstance(node, ast.Call)]
    names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    assert bool(names & FILE_VERBS) == (module in OWN_DATA | OPERATORS_FILES)


RUFF: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
BANNED: dict[str, str] = {name: ban["msg"] for name, ban in RUFF["flake8-tidy-imports"]["banned-api"].items()}
DOORS = {
    path for path, rules in RUFF["per-file-ignores"].items() if "TID251" in rules and path.startswith("provision/")
}


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
    lines = [*project["dependencies"], *project["optional-dependencies"]["dask"]]
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
    "distributed",
}


def test_listing_tasks_imports_nothing_slow() -> None:
    seen: set[str] = set()
    waiting = ["provision.cli"]
    while waiting:
        module = waiting.pop()
        for node in ast.parse(MODULES[module].read_text()).body:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            waiting += [name for name in names if name in MODULES and name not in seen]
            seen |= set(names)
    assert {name.split(".")[0] for name in seen} & SLOW == set()
