"""The modules of the product, their syntax trees and their imports."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.helpers.booted_hosts import ROOT

PACKAGE = ROOT / "provision"
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """Return the dotted name of a file: ``provision.site.time``, ``provision.site`` for a package."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def package_of(module: str) -> str:
    """Return the name of a module below ``provision``: of a package, or of a module that is in none."""
    return module.split(".")[1]


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    """Return all nodes of a module; it is parsed once for all tests."""
    return tuple(ast.walk(ast.parse(MODULES[module].read_text())))


def trees(*modules: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield (module, node) for each node of these modules, or of all."""
    for module in modules or MODULES:
        yield from ((module, node) for node in nodes(module))


def imports(*modules: str) -> Iterator[tuple[str, str]]:
    """Yield (module, what it imports), also inside functions; of a package, the module that is meant."""
    for module, node in trees(*modules):
        if isinstance(node, ast.Import):
            yield from ((module, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((module, name if name in MODULES else node.module) for name in inner)
