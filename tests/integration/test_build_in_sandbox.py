"""Hosts without a compiler: a sandbox of this machine compiles once, and is removed in any case."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import pytest

from provision.host.sandbox import sandbox
from provision.host.sandbox.platforms import ARCHITECTURES
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login, need_root
from tests.helpers.operators import Operator, Ran

pytestmark = pytest.mark.integration

NAMES = ("it-sbuild-one", "it-sbuild-two")
SITE = '[build]\non = "sandbox"\n'
PLATFORM = f"bookworm/{ARCHITECTURES[os.uname().machine]}"
PLACE = "a sandbox of Debian bookworm"
BOOTING = re.compile(r"booting sandbox (build-bookworm-[0-9a-f]+) ")
PACKAGES = "dpkg-query -W -f '${Package}\\n'"
COMPILING = "--- building chrony"
OF_A_COMPILER = re.compile(r".*-dev|(gcc|cpp|binutils)(-.*)?|make|m4|pkg-?conf(ig)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Two bare hosts, and what became of them."""

    operator: Operator
    hosts: list[Sandbox]
    before: list[set[str]]
    """The packages of each host before the first deployment."""
    planned: Ran
    first: Ran

    def run(self, task: str) -> Ran:
        return self.operator.run(task, self.operator.site(SITE), *(f"--host=sandbox:{name}" for name in NAMES))

    def begin(self) -> tuple[Popen[str], str]:
        """Start a deployment of another build; return the name of its sandbox when that is about to boot."""
        other = self.operator.site(f"{SITE}readline = false\n")
        process = self.operator.start("deploy", other, f"--host=sandbox:{NAMES[0]}")
        assert process.stdout is not None
        for line in process.stdout:
            if found := BOOTING.search(line):
                return process, found[1]
        raise AssertionError(self.operator.end(process))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    need_root()
    operator = Operator(tmp_path_factory.mktemp("operator"))
    words = (operator.site(SITE), *(f"--host=sandbox:{name}" for name in NAMES))
    with ExitStack() as stack:
        hosts = [stack.enter_context(booted(name)) for name in NAMES]
        before = [packages_of(host) for host in hosts]
        planned = operator.run("plan", *words)
        first = operator.run("deploy", *words)
        yield Built(operator=operator, hosts=hosts, before=before, planned=planned, first=first)


def packages_of(host: Sandbox) -> set[str]:
    return set(login(host, PACKAGES).split())


def outcomes(ran: Ran, id_: str) -> list[tuple[str, str]]:
    """Return status and reason of a step, on each host that has it."""
    return [(one["status"], one["reason"]) for host in ran.reports for one in host["outcomes"] if one["id"] == id_]


def test_the_plan_says_where_it_would_be_built(site: Built) -> None:
    assert site.planned.status == 3
    assert outcomes(site.planned, "sandbox-build") == [("pending", f"built in {PLACE}")]
    assert f": all get the artifact from {PLACE}\n" in site.planned.output


def test_one_sandbox_compiles_for_both_hosts_and_is_gone(site: Built) -> None:
    assert site.first.status == 0, site.first
    unproven = [one for host in site.first.reports for one in host["findings"] if not one["holds"]]
    assert unproven == []
    ((status, reason),) = outcomes(site.first, "sandbox-build")
    assert status == "changed"
    assert re.fullmatch(f"built in {PLACE}, took [0-9.]+ s", reason)
    assert reason in site.first.output
    (name,) = set(BOOTING.findall(site.first.output))
    assert sandbox.find(name) is None
    logs = "".join(path.read_text() for path in site.operator.logs.iterdir())
    assert logs.count(COMPILING) == 1
    (artifact,) = [path for path in site.operator.artifacts.iterdir() if path.is_dir()]
    assert (artifact / "sbom.cdx.json").stat().st_size > 1000


def test_no_compiler_and_no_header_comes_to_a_host(site: Built) -> None:
    for host, before in zip(site.hosts, site.before, strict=True):
        new = packages_of(host) - before
        assert [name for name in new if OF_A_COMPILER.fullmatch(name)] == []
        assert login(host, "command -v cc gcc make m4 pkg-config || true") == ""
        assert login(host, "ldd /opt/chrony/current/build/sbin/chronyd").count("not found") == 0


def test_a_second_run_boots_nothing(site: Built) -> None:
    again = site.run("deploy")
    assert (again.status, BOOTING.search(again.output)) == (0, None)
    assert [host["changed"] for host in again.reports] == [0, 0]


def test_a_cancelled_run_removes_its_sandbox(site: Built) -> None:
    process, name = site.begin()
    process.send_signal(signal.SIGTERM)
    ran = site.operator.end(process)
    assert ran.status == 130
    assert "interrupted; run the same command again to complete it" in str(ran.report["error"])
    assert sandbox.find(name) is None
    assert not (Path("/run/netns") / f"cpsb-{name}").exists()


def test_what_a_killed_run_leaves_is_named_and_goes_with_the_next_build(site: Built) -> None:
    process, name = site.begin()
    process.kill()
    site.operator.end(process)
    listed = site.operator.run_plainly("sandbox.list").output
    assert f"{name} " in listed
    (line,) = [one for one in listed.splitlines() if one.startswith(f"{name} ")]
    assert line.endswith("left by a build that was killed; the next one removes it")
    # The artifact of the site is at hand: it is unpacked and rehearsed, and nothing is compiled.
    ahead = site.operator.run("build", site.operator.site(SITE), f"--platform={PLATFORM}")
    assert (ahead.status, ahead.report["host"]) == (0, f"sandbox {PLATFORM}"), ahead
    assert f"removing the sandbox {name}, which a build has left" in ahead.output
    assert sandbox.find(name) is None
    assert ahead.changed["build"].endswith("unpacked from an artifact")
