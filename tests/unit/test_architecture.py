"""The architecture: packages form layers, only checks make findings, and each module has its test file."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import provision
from tests.helpers.booted_hosts import ROOT
from tests.helpers.modules import MODULES, PACKAGE, imports, package_of, trees

pytestmark = pytest.mark.usefixtures("unmeasured")


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


TESTED_ELSEWHERE: dict[str, tuple[str, str]] = {
    "provision.verify.nts_server": ("verify/test_nts.py", "it is made there of certificates and chrony.conf"),
    "provision.verify.ntp.other_authority": ("verify/ntp/test_key_exchange.py", "a certificate that is refused there"),
    "provision.verify.source_signs": ("verify/test_source_faults.py", "signs are parsed to name a fault"),
    "provision.__main__": ("test_main.py", "a name with underscores reads badly"),
    **dict.fromkeys(
        (
            "provision.chrony.lint.authentication",
            "provision.chrony.lint.clock",
            "provision.chrony.lint.directives",
            "provision.chrony.lint.leap_seconds",
            "provision.chrony.lint.refclocks",
            "provision.chrony.lint.rule",
            "provision.chrony.lint.server",
            "provision.chrony.lint.sources",
        ),
        ("chrony/test_lint.py", "each rule has its fault there"),
    ),
    "provision.cli.exits": ("cli/test_tasks.py", "an exit status is that of a whole command"),
    "provision.cli.key_options": ("cli/test_options.py", "one table for the options of all tasks"),
    "provision.cli.release_tasks": ("cli/test_tasks.py", "each is run there, beside those on hosts"),
    "provision.cli.sandbox_tasks": ("cli/test_tasks.py", "all tasks are listed; the rest needs sandboxes"),
    "provision.deploy.cancellation": ("fleet/test_executor.py", "who is interrupted is a run of several hosts"),
    "provision.deploy.control_machine": ("deploy/test_runner.py", "defaults of what a run is given"),
    "provision.deploy.saved_measurements": ("deploy/steps/test_steps.py", "it makes one step of units"),
    "provision.deploy.job": ("deploy/test_runner.py", "a job is what is run"),
    **dict.fromkeys(
        (
            "provision.deploy.compared_states",
            "provision.deploy.evidence_script",
            "provision.deploy.proof",
            "provision.deploy.prove",
        ),
        ("deploy/test_deploy.py", "a proof needs a host that was deployed to"),
    ),
    "provision.deploy.prove_build": ("deploy/test_build.py", "a build is proven when it was made"),
    "provision.deploy.sandbox_phase": ("deploy/test_sandbox_build.py", "its steps are applied there"),
    "provision.deploy.steps.made_in_sandbox": ("deploy/test_sandbox_build.py", "it makes what is tested there"),
    "provision.deploy.steps.process_as_unit": ("deploy/steps/test_drifts.py", "one table of answers for all steps"),
    "provision.deploy.steps.build": ("build/test_compile.py", "a build is judged where it is made"),
    "provision.deploy.steps.source": ("build/test_compile.py", "source is fetched for a build"),
    "provision.deploy.steps.chrony_conf_needs": (
        "chrony/test_needs.py",
        "its table has each directive",
    ),
    "provision.deploy.steps.unit_overrides": ("deploy/steps/test_drifts.py", "one table of answers for all steps"),
    "provision.deploy.steps.rehearsed": ("deploy/test_deploy.py", "what it applies is the whole rehearsal"),
    "provision.deploy.steps.restored": ("deploy/test_uninstall.py", "it is all of uninstall"),
    "provision.deploy.steps.daemon_unaltered": ("verify/test_process.py", "it compares with what a process should be"),
    "provision.chrony.ports": ("chrony/test_socket_unit.py", "the sockets of a server have them"),
    "provision.common.errors": ("deploy/test_runner.py", "each kind of error, and how a run ends with it"),
    "provision.host.packages": ("build/test_requirements.py", "each package manager is a case there"),
    "provision.host.packages.apk": ("build/test_requirements.py", "a row of data"),
    "provision.host.packages.apt": ("build/test_requirements.py", "a row of data"),
    "provision.host.packages.dnf": ("build/test_requirements.py", "a row of data"),
    "provision.host.packages.manager": ("build/test_requirements.py", "what a row of data consists of"),
    "provision.host.packages.pacman": ("build/test_requirements.py", "a row of data"),
    "provision.host.packages.rpm": ("build/test_requirements.py", "shared by two rows of data"),
    "provision.host.packages.zypper": ("build/test_requirements.py", "a row of data"),
    "provision.host.scripts.tools": ("host/test_tools.py", "the lists are compared with the scripts"),
    "provision.host.sandbox.machine": (
        "host/sandbox/test_sandbox.py",
        "the rest needs sandboxes: tests/integration",
    ),
    "provision.host.sandbox.room": ("host/sandbox/test_sandbox.py", "the rest needs sandboxes: tests/integration"),
    "provision.host.transport.host_keys": ("host/transport/test_known_hosts.py", "it checks with what that reads"),
    "provision.host.transport.revoked_keys": ("../integration/test_host_keys.py", "ssh-keygen makes the file"),
    "provision.host.transport.local": ("host/transport/test_transport.py", "the transport that needs no network"),
    "provision.host.transport.ssh_options": ("host/transport/test_ssh_settings.py", "settings are read from options"),
    "provision.host.transport.ssh_tokens": ("host/transport/test_ssh_settings.py", "settings have no tokens"),
    "provision.host.transport.runner": ("host/transport/test_transport.py", "it runs the lines of each transport"),
    "provision.keys.export.as_json": ("keys/export/test_export.py", "every format is read back there"),
    "provision.keys.export.format": ("keys/export/test_export.py", "every format is one"),
    "provision.keys.listing": ("site/test_key_users.py", "keys are listed with who uses them"),
    "provision.keys.note": ("keys/test_ledger.py", "the ledger consists of notes"),
    "provision.deploy.keys_on_host": ("deploy/test_plan_and_deploy.py", "a plan compares the keys of a host"),
    "provision.keys.parts": ("deploy/steps/test_staged.py", "parts are what is uploaded of a generation"),
    "provision.output.key_usage": ("site/test_counted_use.py", "plain values, of which tables are made there"),
    "provision.output.html.plot_script": ("output/html/test_page.py", "the page has the scripts of its plots"),
    "provision.output.progress.board": ("output/test_progress.py", "one file for both ways to show progress"),
    "provision.output.progress.status_board": ("output/test_status_table.py", "it draws the lines of that table"),
    "provision.output.status": ("output/test_status_text.py", "the text has each value"),
    "provision.output.progress.silent": ("fleet/test_watch.py", "hosts that are watched show no progress"),
    "provision.output.progress.live": ("output/test_progress.py", "one file for all ways to show progress"),
    "provision.output.progress.lines": ("output/test_progress.py", "one file for both ways to show progress"),
    "provision.site.read": ("site/test_schema.py", "a site file is read into its tables"),
    "provision.site.server_addresses": ("cli/test_export.py", "an export has the addresses of the servers"),
    "provision.site.key_source": ("keys/test_source.py", "it names a source of keys"),
    **dict.fromkeys(
        (
            "provision.takeover.lost.access",
            "provision.takeover.lost.keys",
            "provision.takeover.lost.lines",
            "provision.takeover.lost.sources",
            "provision.takeover.lost.unit",
            "provision.takeover.wanted",
        ),
        ("takeover/test_lost.py", "it compares whole services"),
    ),
    **dict.fromkeys(
        (
            "provision.takeover.ntp_conf.collector",
            "provision.takeover.ntp_conf.lines",
            "provision.takeover.ntp_conf.refclocks",
            "provision.takeover.ntp_conf.restrict",
            "provision.takeover.ntp_conf.servers",
        ),
        ("takeover/test_ntp_conf.py", "it translates whole files"),
    ),
    **dict.fromkeys(
        (
            "provision.takeover.to_site.draft",
            "provision.takeover.to_site.extra",
            "provision.takeover.to_site.keys",
            "provision.takeover.to_site.sources",
            "provision.takeover.to_site.values",
        ),
        ("takeover/test_to_site.py", "it carries whole configurations"),
    ),
    **dict.fromkeys(
        (
            "provision.verify.source_faults.answers",
            "provision.verify.source_faults.key_exchange",
            "provision.verify.source_faults.selection",
        ),
        ("verify/test_source_faults.py", "which of them names a fault depends on all signs"),
    ),
    "provision.verify.checks.known": ("verify/checks/test_check.py", "its ids are those of the document"),
    "provision.verify.checks.unit": ("verify/test_unit.py", "it judges what is parsed there"),
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
def test_modules_that_are_tested_elsewhere_are_tested_there(module: str) -> None:
    file, _ = TESTED_ELSEWHERE[module]
    assert (UNIT_TESTS / file).is_file()
