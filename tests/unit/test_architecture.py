"""The architecture: imports point down the map, words touch no world, and each library has one door."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import provision
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


def pure(module: str) -> bool:
    """Return whether a module is held to touch no world: see :data:`PURE`."""
    return any(module == name or module.startswith(f"{name}.") for name in PURE)


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    """Return all nodes of a module; it is parsed once for all tests."""
    return tuple(ast.walk(ast.parse(MODULES[module].read_text())))


def trees(*modules: str) -> Iterator[tuple[str, ast.AST]]:
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


def test_the_map_names_each_package() -> None:
    assert provision.__doc__ is not None
    named = re.findall(r"(?m)^    ([a-z_]+)/? {2,}", provision.__doc__)
    assert sorted(named) == sorted({package_of(module) for module in MODULES if module != "provision"} - {"__main__"})


def test_packages_form_layers() -> None:
    """The contracts stand in pyproject.toml; ``lint-imports`` says which import breaks one."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_findings_are_made_by_checks_alone() -> None:
    calls = [(module, node.func) for module, node in trees() if isinstance(node, ast.Call)]
    makers = {module for module, call in calls if isinstance(call, ast.Name) and call.id == "Finding"}
    assert makers == {"provision.verify.checks.check"}


def test_no_module_needs_itself_by_a_detour() -> None:
    needs: dict[str, set[str]] = {module: set() for module in MODULES}
    for importer, imported in imports():
        if imported in MODULES and imported != "provision":
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
OWN_DATA = {"provision.chrony.releases", "provision.site.directive"}
"""They read what lies beside them in the package."""
READS_FILES = {"provision.common.files.regular"}
"""It reads the files that it is told of."""
PURE = (
    "provision.build.evidence",
    "provision.build.integrity",
    "provision.build.libraries",
    "provision.build.recipe",
    "provision.build.requirements",
    "provision.build.sbom",
    "provision.chrony.access",
    "provision.chrony.chronyc",
    "provision.chrony.chronyd_log",
    "provision.chrony.conf",
    "provision.chrony.configure_log",
    "provision.chrony.drop_ins",
    "provision.chrony.needs",
    "provision.chrony.releases",
    "provision.chrony.unit_values",
    "provision.chrony.unit_syntax",
    "provision.deploy.choices",
    "provision.deploy.generation",
    "provision.deploy.history_records",
    "provision.deploy.phases",
    "provision.deploy.refusals",
    "provision.deploy.render",
    "provision.common.errors",
    "provision.common.files.regular",
    "provision.fleet.rollout",
    "provision.fleet.rotation_preview",
    "provision.fleet.encryption",
    "provision.host.clock",
    "provision.host.facts",
    "provision.host.packages",
    "provision.host.paths",
    "provision.host.strict_modes",
    "provision.host.target",
    "provision.host.tools",
    "provision.host.unconfirmed",
    "provision.output.history",
    "provision.output.status",
    "provision.keys.changes",
    "provision.keys.export",
    "provision.keys.ledger",
    "provision.keys.lint",
    "provision.keys.listing",
    "provision.keys.note",
    "provision.keys.parts",
    "provision.common.results",
    "provision.site.advice",
    "provision.site.time",
    "provision.site.decode",
    "provision.site.directive",
    "provision.site.inventory",
    "provision.site.levels",
    "provision.site.source",
    "provision.site.upstreams",
    "provision.site.text_types",
    "provision.common.text",
    "provision.verify.checks",
    "provision.verify.evidence",
    "provision.verify.expectation",
    "provision.verify.firewall",
    "provision.verify.local_client",
    "provision.verify.process",
    "provision.verify.rehearsal",
    "provision.verify.time_services",
    "provision.verify.unit",
    "provision.verify.unit_differences",
)
"""Modules and packages without a host, a clock, or a file but their own data."""
WORDS = sorted(module for module in MODULES if pure(module))


@pytest.mark.parametrize("module", WORDS)
def test_words_touch_no_world(module: str) -> None:
    touched = {other.split(".")[0] for _, other in imports(module)} & WORLD
    assert touched == set()


@pytest.mark.parametrize("module", WORDS)
def test_words_read_no_file_but_their_own(module: str) -> None:
    calls = [node.func for _, node in trees(module) if isinstance(node, ast.Call)]
    names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    assert bool(names & FILE_VERBS) == (module in OWN_DATA | READS_FILES)


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
    lines = [*project["dependencies"], *project["optional-dependencies"]["dask"]]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    foreign = {name.split(".")[0] for _, name in imports()} - sys.stdlib_module_names - {"provision"}
    providers = packages_distributions()
    assert {canonicalize_name(providers[name][0]) for name in foreign} == declared


def test_every_door_leads_somewhere() -> None:
    assert set().union(*through_doors().values()) == DOORS


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
    waiting = ["provision.cli.tasks"]
    while waiting:
        module = waiting.pop()
        for node in ast.parse(MODULES[module].read_text()).body:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            waiting += [name for name in names if name in MODULES and name not in seen]
            seen |= set(names)
    assert {name.split(".")[0] for name in seen} & SLOW == set()


TESTED_ELSEWHERE: dict[str, tuple[str, str]] = {
    "provision.__main__": ("test_main.py", "a name with underscores reads badly"),
    "provision.build.fetch.newest": ("build/fetch/test_fetch.py", "the places that have tarballs list their versions"),
    "provision.build.fetch.store": ("build/fetch/test_fetch.py", "a tarball that was fetched is stored"),
    "provision.build.fetch.places": ("build/fetch/test_fetch.py", "fetching asks each place in turn"),
    "provision.cli.exits": ("cli/test_tasks.py", "an exit status is that of a whole command"),
    "provision.deploy.cancellation": ("fleet/test_executor.py", "who is interrupted is a run of several hosts"),
    "provision.deploy.control_machine": ("deploy/test_runner.py", "defaults of what a run is given"),
    "provision.deploy.job": ("deploy/test_runner.py", "a job is what is run"),
    "provision.deploy.prove": ("deploy/test_deploy.py", "a proof needs a host that was deployed to"),
    "provision.deploy.steps.as_unit_says": ("deploy/steps/test_steps.py", "one table of answers for all steps"),
    "provision.deploy.steps.built": ("build/test_compile.py", "a build is judged where it is made"),
    "provision.deploy.steps.fetched": ("build/test_compile.py", "source is fetched for a build"),
    "provision.deploy.steps.firewall": ("deploy/steps/test_steps.py", "one table of answers for all steps"),
    "provision.deploy.steps.needs_met": ("chrony/test_needs.py", "its table has each directive with what it needs"),
    "provision.deploy.steps.overrides": ("deploy/steps/test_steps.py", "one table of answers for all steps"),
    "provision.deploy.steps.packages": ("build/test_compile.py", "packages are installed for a build"),
    "provision.deploy.steps.rehearsed": ("deploy/test_deploy.py", "what it applies is the whole rehearsal"),
    "provision.deploy.steps.restored": ("deploy/test_uninstall.py", "it is all of uninstall"),
    "provision.deploy.steps.unaltered": ("verify/test_process.py", "it compares with what a process should be"),
    "provision.common.errors": ("deploy/test_runner.py", "each kind of error, and how a run ends with it"),
    "provision.fleet.cluster": ("../integration/test_workers.py", "it needs a cluster"),
    "provision.host.packages": ("build/test_requirements.py", "each package manager is a case there"),
    "provision.host.packages.apk": ("build/test_requirements.py", "a row of data"),
    "provision.host.packages.apt": ("build/test_requirements.py", "a row of data"),
    "provision.host.packages.dnf": ("build/test_requirements.py", "a row of data"),
    "provision.host.packages.manager": ("build/test_requirements.py", "what a row of data consists of"),
    "provision.host.packages.pacman": ("build/test_requirements.py", "a row of data"),
    "provision.host.packages.rpm": ("build/test_requirements.py", "shared by two rows of data"),
    "provision.host.packages.zypper": ("build/test_requirements.py", "a row of data"),
    "provision.host.paths": ("deploy/test_render.py", "constants, as rendered files show them"),
    "provision.host.sandbox.machine": (
        "host/sandbox/test_sandbox.py",
        "the rest needs sandboxes: tests/integration",
    ),
    "provision.host.sandbox.room": ("host/sandbox/test_sandbox.py", "the rest needs sandboxes: tests/integration"),
    "provision.host.transport.host_keys": ("host/transport/test_known_hosts.py", "it checks with what that reads"),
    **dict.fromkeys(
        (
            "provision.host.transport.agent",
            "provision.host.transport.channels",
            "provision.host.transport.exit_signal",
            "provision.host.transport.open_socket",
            "provision.host.transport.login_keys",
            "provision.host.transport.key_files",
            "provision.host.transport.login",
            "provision.host.transport.negotiation",
            "provision.host.transport.revoked_keys",
            "provision.host.transport.hops",
        ),
        ("host/transport/test_ssh.py", "it needs an SSH server"),
    ),
    "provision.host.transport.local": ("host/transport/test_transport.py", "the transport that needs no network"),
    "provision.host.transport.runner": ("host/transport/test_transport.py", "it runs the lines of each transport"),
    "provision.keys.export.as_json": ("keys/export/test_export.py", "every format is read back there"),
    "provision.keys.export.format": ("keys/export/test_export.py", "every format is one"),
    "provision.keys.listing": ("site/test_key_usage.py", "keys are listed with who uses them"),
    "provision.keys.note": ("keys/test_ledger.py", "the ledger consists of notes"),
    "provision.deploy.keys_on_host": ("deploy/test_plan_and_deploy.py", "a plan compares the keys of a host"),
    "provision.keys.parts": ("deploy/steps/test_staged.py", "parts are what is uploaded of a generation"),
    "provision.output.progress.board": ("output/test_progress.py", "one file for both ways to show progress"),
    "provision.output.progress.lines": ("output/test_progress.py", "one file for both ways to show progress"),
    "provision.common.results": ("output/test_report.py", "values without behaviour, as a report shows them"),
    "provision.site.read": ("site/test_schema.py", "a site file is read into its tables"),
    "provision.site.server_addresses": ("cli/test_export.py", "an export has the addresses of the servers"),
    "provision.site.key_source": ("keys/test_source.py", "it names a source of keys"),
    "provision.verify.checks.unit": ("verify/test_unit.py", "it judges what is parsed there"),
    "provision.verify.firewall.nftables": (
        "verify/firewall/test_firewall.py",
        "each transcript is a case there",
    ),
    "provision.verify.firewall.rules": (
        "verify/firewall/test_firewall.py",
        "each transcript is a case there",
    ),
}
"""Module → the file below tests/unit that tests it, and why that is not the file of its own path."""
UNIT_TESTS = ROOT / "tests/unit"


def own_tests(path: Path) -> list[Path]:
    """Return where the tests of a module may lie: ``site/levels.py`` has ``site/test_levels.py``."""
    inner = path.relative_to(PACKAGE)
    if inner.name == "__init__.py":
        folder = UNIT_TESTS / inner.parent
        return [folder / f"test_{folder.name}.py", folder.parent / f"test_{folder.name}.py"]
    return [UNIT_TESTS / inner.parent / f"test_{inner.name}"]


def has_statements(path: Path) -> bool:
    """Return whether there is more in a module than its docstring."""
    return len(ast.parse(path.read_text()).body) > 1


def test_each_module_has_its_test_file_or_a_reason_not_to() -> None:
    missing = {
        module
        for module, path in MODULES.items()
        if has_statements(path) and not any(test.is_file() for test in own_tests(path))
    }
    assert missing - TESTED_ELSEWHERE.keys() == set(), "add tests/unit/.../test_NAME.py, or a row to TESTED_ELSEWHERE"
    assert TESTED_ELSEWHERE.keys() - missing == set(), "these rows are not needed any more"


@pytest.mark.parametrize("module", TESTED_ELSEWHERE)
def test_what_is_tested_elsewhere_is_tested_there(module: str) -> None:
    file, _ = TESTED_ELSEWHERE[module]
    assert (UNIT_TESTS / file).is_file()
