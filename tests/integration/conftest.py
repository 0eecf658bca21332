"""The host that most of these tests share: a bare Debian 12 on which the program did its whole work once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import ROOT, booted
from tests.helpers.host_state import Files, arguments_seen, files_of
from tests.helpers.operators import Operator, Ran

CHECKOUT = f"{crc32(str(ROOT).encode()):08x}"
"""A short name for this checkout, for names of hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A host after its first deployment, and what was seen meanwhile."""

    host: Sandbox
    operator: Operator
    first: Ran
    files: Files
    arguments: set[str]
    """The command lines of all processes, here and on the host."""

    @property
    def option(self) -> str:
        """How the command line names the host."""
        return f"--host=sandbox:{self.host.name}"

    def run(self, task: str, *words: str, **environment: str) -> Ran:
        """Run a task on the host."""
        return self.operator.run(task, self.option, *words, **environment)


def deployed_once(name: str, home: Path, artifacts: Path | None = None) -> Iterator[Deployed]:
    """Boot a host and deploy to it; ``artifacts`` is a folder of them that others have, too."""
    operator = Operator(home)
    if artifacts:
        operator.share_artifacts(artifacts)
    with booted(name) as host:
        with arguments_seen() as arguments:
            first = operator.run("deploy", f"--host=sandbox:{host.name}")
        yield Deployed(host=host, operator=operator, first=first, files=files_of(host), arguments=arguments)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder that all processes of a run of the tests have."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def artifacts(shared: Path) -> Path:
    """Return the folder for artifacts of the default recipe."""
    return shared / "artifacts"


@pytest.fixture(scope="session")
def small_artifacts(shared: Path) -> Path:
    """Return the folder for artifacts of the recipe in examples/sandbox.toml, which is SMALL of host_under_test."""
    return shared / "small-artifacts"


@pytest.fixture(scope="session")
def deployed(artifacts: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Deployed]:
    # Each process of the tests has its own; one of them compiles. Two checkouts may be tested at once on one machine.
    yield from deployed_once(f"it-main-{worker_id}-{CHECKOUT}", tmp_path_factory.mktemp("operator"), artifacts)
