"""No module keeps the secrets of one command for the next one."""

import ast
from collections.abc import Iterator

import pytest

from tests.helpers.modules import MODULES, imports

SECRETS = {"provision.keys", "provision.deploy.secrets", "provision.host.sudo"}
"""Modules and packages of secrets: each command has its own, and passes them on."""
LASTING = {
    "KeyReader",
    "SudoPasswords",
    "Secrets",
    "cache",
    "lru_cache",
    "dict",
    "list",
    "set",
    "defaultdict",
    "ContextVar",
}
"""Calls whose result, in a name of a module, would outlive a command."""


def knows_secrets(module: str) -> bool:
    """Return whether a module is one of secrets, or imports from one."""
    names = {module, *(other for _, other in imports(module))}
    return any(name == secret or name.startswith(f"{secret}.") for name in names for secret in SECRETS)


def lasting(text: str) -> Iterator[str]:
    """Yield what of a module's source can keep a value from one command to the next: caches, and containers to fill."""
    tree = ast.parse(text)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield from (f"@{name} {node.name}" for name in map(called, node.decorator_list) if name in LASTING)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            to_fill = ast.unparse(node.value) in {"{}", "[]"}
            if to_fill or (isinstance(node.value, ast.Call) and called(node.value) in LASTING):
                yield ast.unparse(node)
    yield from (f"global {name}" for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)


def called(node: ast.AST) -> str:
    """Return the last name of a decorator or a call: ``cache`` of ``@functools.cache`` and ``@cache``."""
    if isinstance(node, ast.Call):
        return called(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def test_no_module_keeps_secrets_from_one_command_to_the_next() -> None:
    # One test, or each process that only collects tests would parse all modules to find those that know secrets.
    knowing = sorted(filter(knows_secrets, MODULES))
    assert len(knowing) > 40
    kept = {module: list(lasting(MODULES[module].read_text())) for module in knowing}
    assert [f"{module}: {one}" for module, lines in kept.items() for one in lines] == []


KEPT = [
    "@cache\ndef f(): ...",
    "@functools.lru_cache(maxsize=8)\ndef f(): ...",
    "READER = KeyReader()",
    "passwords: SudoPasswords = sudo.SudoPasswords(None)",
    "_read: dict[str, str] = {}",
    "_read = []",
    "_read = defaultdict(list)",
    "def f():\n    global seen\n    seen = 1",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_would_keep_secrets_is_recognised(text: str) -> None:
    assert len(list(lasting(text))) == 1
