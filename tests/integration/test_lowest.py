"""The oldest versions that pyproject.toml lets in: what uses the libraries passes its tests with these, too."""

import subprocess
import tomllib
import venv
from tempfile import TemporaryDirectory

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.helpers.booted_hosts import ROOT
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNNERS = {"pytest", "hypothesis", "coverage", "cyclonedx-python-lib"}
"""Of the extra "test", what these tests need."""
TESTS = (
    "unit/build/fetch/test_download",
    "unit/build/fetch/test_fetch",
    "unit/build/fetch/test_store",
    "unit/build/fetch/test_signature",
    "unit/build/test_sbom",
    "unit/chrony/test_conf",
    "unit/chrony/test_releases",
    "unit/chrony/test_unit_values",
    "unit/cli/test_key_tasks",
    "unit/cli/test_options",
    "unit/cli/test_values",
    "unit/cli/test_tasks",
    "unit/deploy/test_render",
    "unit/common/files/test_lock",
    "unit/fleet/test_encryption",
    "unit/fleet/test_retry",
    "unit/fleet/test_dask_address",
    "unit/host/test_session",
    "unit/host/transport/test_host_certificate",
    "unit/host/transport/test_known_hosts",
    "unit/host/transport/test_transport",
    "unit/keys/test_source",
    "unit/output/test_log",
    "unit/output/test_metrics",
    "unit/output/test_progress",
    "unit/output/test_report",
    "unit/site/test_decode",
    "unit/site/test_directive",
    "unit/site/test_levels",
    "unit/site/test_schema",
    "unit/site/test_source",
    "unit/site/test_text_types",
    "unit/site/test_time",
    "unit/verify/ntp/test_probe",
    "unit/verify/ntp/test_exchange",
    "unit/verify/ntp/test_packet",
    "integration/test_workers",
)


def lowest(line: str) -> str:
    """Return a requirement of nothing but the oldest version that another one lets in."""
    requirement = Requirement(line)
    oldest = [f"=={part.version}" for part in requirement.specifier if part.operator == ">="]
    requirement.specifier = SpecifierSet(",".join(oldest))
    return str(requirement)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that has these versions, and no others."""
    extras = PROJECT["optional-dependencies"]
    runners = [line for line in extras["test"] if Requirement(line).name in RUNNERS]
    wanted = [lowest(line) for line in (*PROJECT["dependencies"], *extras["dask"], *runners)]
    folder = tmp_path_factory.mktemp("oldest") / "venv"
    venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "-q", "-e", ROOT, *wanted], check=True, timeout=600)
    return str(folder / "bin/python")


def start(python: str, folder: str, part: str) -> subprocess.Popen[str]:
    """Start the tests of a part, ``unit`` or ``integration``."""
    files = [f"tests/{name}.py" for name in TESTS if name.startswith(f"{part}/")]
    # Few examples of each property: it is the libraries that differ.
    options = ("-p", "no:cacheprovider", "--hypothesis-profile=quick", f"--basetemp={folder}/{part[0]}")
    words = (python, "-m", "pytest", "-q", *options, *files)
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_what_uses_the_libraries_works(python: str) -> None:
    # Not below a folder of our own: the path of a socket has 107 characters at most (unix(7)).
    with TemporaryDirectory() as folder:
        # At the same time: the tests of a cluster, which are those of integration, mostly wait for it.
        for process in [start(python, folder, part) for part in ("unit", "integration")]:
            output, _ = process.communicate(timeout=1200)
            assert process.returncode == 0, output


def test_a_host_is_reached_and_has_no_drift(python: str, deployed: Deployed) -> None:
    words = (python, "-m", "invoke", "verify", deployed.option)
    done = subprocess.run(
        words, check=False, cwd=ROOT, env=deployed.operator.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
