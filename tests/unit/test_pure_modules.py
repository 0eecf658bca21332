"""Modules that are called pure have no host, no clock, no network, and no file but their own data."""

import ast

import pytest

from tests.helpers.modules import MODULES, imports, trees


def pure(module: str) -> bool:
    """Return whether a module is held to touch no world: see :data:`PURE`."""
    return any(module == name or module.startswith(f"{name}.") for name in PURE)


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
OWN_DATA = {"provision.chrony.language.table", "provision.chrony.releases"}
"""They read what lies beside them in the package."""
READS_FILES = {"provision.common.files.regular", "provision.takeover.local_files"}
"""They read the files that they are told of."""
PURE = (
    "provision.build.evidence",
    "provision.build.integrity",
    "provision.build.libraries",
    "provision.build.recipe",
    "provision.build.requirements",
    "provision.build.sbom",
    "provision.chrony.access",
    "provision.chrony.access_rules",
    "provision.chrony.chronyc",
    "provision.chrony.chronyd_log",
    "provision.chrony.clock_log",
    "provision.chrony.conf",
    "provision.chrony.configure_log",
    "provision.chrony.differences",
    "provision.chrony.drop_ins",
    "provision.chrony.key_ids",
    "provision.chrony.language",
    "provision.chrony.needs",
    "provision.chrony.releases",
    "provision.chrony.reference_id",
    "provision.chrony.unit_values",
    "provision.chrony.unit_syntax",
    "provision.deploy.choices",
    "provision.deploy.generation",
    "provision.deploy.generation_changes",
    "provision.deploy.history_records",
    "provision.deploy.nts_renewal",
    "provision.deploy.offline",
    "provision.deploy.phases",
    "provision.deploy.refusals",
    "provision.deploy.render",
    "provision.deploy.saved_measurements",
    "provision.common.errors",
    "provision.common.files.regular",
    "provision.fleet.rollout",
    "provision.fleet.rotation_preview",
    "provision.fleet.encryption",
    "provision.fleet.turns",
    "provision.host.clock",
    "provision.host.facts",
    "provision.host.packages",
    "provision.host.paths",
    "provision.host.strict_modes",
    "provision.host.target",
    "provision.host.tools",
    "provision.host.unconfirmed",
    "provision.output.audit.manifest",
    "provision.output.audit.rules",
    "provision.output.audit.rules_report",
    "provision.output.command_report",
    "provision.output.html.follows",
    "provision.output.html.graph",
    "provision.output.history",
    "provision.output.json_report",
    "provision.output.junit",
    "provision.output.markdown",
    "provision.output.metric_names",
    "provision.output.metrics",
    "provision.output.nagios",
    "provision.output.html.page",
    "provision.output.html.points",
    "provision.output.html.details",
    "provision.output.plan",
    "provision.output.status",
    "provision.output.status_text",
    "provision.keys.changes",
    "provision.keys.export",
    "provision.keys.ledger",
    "provision.keys.lint",
    "provision.keys.listing",
    "provision.keys.note",
    "provision.keys.parts",
    "provision.common.results",
    "provision.takeover",
    "provision.site.advice",
    "provision.site.time",
    "provision.site.decode",
    "provision.site.directive",
    "provision.site.inventory",
    "provision.site.levels",
    "provision.site.source",
    "provision.site.upstreams",
    "provision.site.text_types",
    "provision.site.toml_text",
    "provision.common.text",
    "provision.verify.checks",
    "provision.verify.evidence",
    "provision.verify.expectation",
    "provision.verify.firewall",
    "provision.verify.local_client",
    "provision.verify.ntp.nts_cookies",
    "provision.verify.ntp.nts_packet",
    "provision.verify.process",
    "provision.verify.rehearsal",
    "provision.verify.source_faults",
    "provision.verify.time_services",
    "provision.verify.unit",
    "provision.verify.unit_differences",
)
"""Modules and packages without a host, a clock, or a file but their own data."""
PURE_MODULES = sorted(module for module in MODULES if pure(module))


@pytest.mark.parametrize("module", PURE_MODULES)
def test_a_pure_module_touches_nothing_outside(module: str) -> None:
    touched = {other.split(".")[0] for _, other in imports(module)} & WORLD
    assert touched == set()


@pytest.mark.parametrize("module", PURE_MODULES)
def test_a_pure_module_reads_no_file_but_its_own(module: str) -> None:
    calls = [node.func for _, node in trees(module) if isinstance(node, ast.Call)]
    names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    assert bool(names & FILE_VERBS) == (module in OWN_DATA | READS_FILES)
