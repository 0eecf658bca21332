"""Two servers and three clients, as in examples/sandbox.toml, which the files of this folder share.

One process runs all of them (tests/helpers/schedule.py), in the order of their names: the first tests the deployment
of the bare hosts, and the last two leave hosts that the site does not describe.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import ROOT, booted, need_root
from tests.helpers.operators import Operator, Ran

PREFIX = "it-fleet-"
SERVERS, CLIENTS = ("ntp1", "ntp2"), ("web1", "web2", "web3")
NAMES = (*SERVERS, *CLIENTS)
COMPILING = "--- building chrony"
SITE = (ROOT / "examples/sandbox.toml").read_text().replace("sandbox:", f"sandbox:{PREFIX}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The booted hosts, and the operator who deploys to them."""

    operator: Operator
    hosts: dict[str, Sandbox]
    planned: Ran
    """Of the bare hosts, without keys."""
    first: Ran

    def deploy(self, *words: str, extra: str = "", site: str = SITE) -> Ran:
        return self.operator.run("deploy", self.operator.site(f"{extra}{site}"), *words)

    def plan(self, *words: str) -> Ran:
        return self.operator.run("plan", self.operator.site(SITE), *words)

    def log(self, name: str) -> str:
        """Return what was logged of a host, of all runs."""
        return "".join(path.read_text() for path in sorted(self.operator.logs.glob(f"{name}-*.log")))


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    need_root()
    with ExitStack() as stack:
        hosts = {name: stack.enter_context(booted(f"{PREFIX}{name}")) for name in NAMES}
        operator = Operator(tmp_path_factory.mktemp("operator"))
        planned = operator.run("plan", operator.site(SITE))
        first = operator.run("deploy", operator.site(SITE))
        yield Hosts(operator=operator, hosts=hosts, planned=planned, first=first)
