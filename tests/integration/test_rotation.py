"""A key takes the place of another: the control machine is killed at each stage, clients are answered throughout."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from provision.host.sandbox.sandbox import Sandbox
from provision.keys import Key
from provision.keys.source import KeyFile
from tests.helpers.booted_hosts import ROOT, assert_nowhere, booted, login, need_root
from tests.helpers.operators import Operator
from tests.helpers.outage_meter import OutageMeter, measuring

pytestmark = pytest.mark.integration

PREFIX = "it-rot-"
NAMES = ("ntp1", "ntp2", "web1")
SITE = re.sub(r"web[23] = .*\n", "", (ROOT / "examples/sandbox.toml").read_text()).replace(
    "sandbox:", f"sandbox:{PREFIX}"
)
OLD = "00112233445566778899AABBCCDDEEFF"
STAGES = (
    r"^key 2 replaces key 1, in ",
    r"ntp\d +changed +generation \w+ uploaded",
    r"ntp\d +changed +generation \w+ running",
    r"ntp\d +changed +generation \w+ proven",
    r"web1 +changed +generation \w+ running",
    r"web1 +changed +generation \w+ proven",
    r"key 1 was taken out of",
    r"ntp\d +changed +generation \w+ running",
    r"ntp\d +ok, ",
)
"""What is printed when it is that far; the first server is switched before the second, and web1 after both."""
MOST_MISSED = 2
"""In a row. Each time, both servers and both keys are tried, and each waits for a tenth of a second."""


@dataclass(slots=True)
class Client(OutageMeter):
    """One that asks all servers, with each of its keys, and is content with one authenticated answer."""

    others: tuple[OutageMeter, ...] = ()

    def _ask(self) -> bool:
        return any(other._ask() for other in self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    operator: Operator
    hosts: dict[str, Sandbox]
    option: str

    @property
    def keys(self) -> dict[int, Key]:
        return {key.id: key for key in self.operator.keys}

    def rotate(self, *words: str) -> subprocess.Popen[str]:
        """Start a rotation; no other one is at work, but a killed one may still be let go."""
        return self.operator.start_plainly("keys.rotate", self.option, "--yes", "--lock-timeout=600", *words)

    def kill_at(self, stage: str) -> str:
        """Start a rotation, kill it when it is that far, and return what it has printed."""
        process = self.rotate()
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if re.search(stage, line):
                break
        else:
            pytest.fail(f"never at {stage!r}: {said}{process.communicate()}")
        process.kill()
        process.communicate()
        return said


@pytest.fixture(scope="module")
def site(small_artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    need_root()
    with ExitStack() as stack:
        hosts = {name: stack.enter_context(booted(f"{PREFIX}{name}")) for name in NAMES}
        operator = Operator(tmp_path_factory.mktemp("operator"))
        operator.share_artifacts(small_artifacts)
        operator.key_file.parent.mkdir(parents=True)
        operator.key_file.write_text(f"# for machines\n1 AES128 HEX:{OLD}\n")
        operator.key_file.chmod(0o600)
        option = operator.site(SITE)
        ran = operator.run("deploy", option)
        assert ran.status == 0, ran
        yield Hosts(operator=operator, hosts=hosts, option=option)


def asked_with(host: Sandbox) -> set[str]:
    """Return the ids of the keys with which a host asks."""
    return {line.split(",")[2] for line in login(host, "chronyc -c -n authdata").splitlines()}


def test_killed_at_each_stage_it_goes_on_and_a_client_is_answered_throughout(site: Hosts) -> None:
    servers = [site.hosts[name].address for name in ("ntp1", "ntp2")]
    old = site.keys[1]
    said = site.kill_at(STAGES[0])
    new = site.keys[2]
    rotation = KeyFile(site.operator.key_file).state().rotation
    assert rotation is not None
    assert (rotation.new.id, rotation.old.id) == (2, 1)
    client = Client(servers[0], old, others=tuple(OutageMeter(server, key) for key in (old, new) for server in servers))
    with measuring(client):
        said += "".join(site.kill_at(stage) for stage in STAGES[1:])
        process = site.rotate()
        output, errors = process.communicate(timeout=300)
        assert (process.returncode, errors) == (0, ""), output
    assert client.most_missed <= MOST_MISSED
    assert output.splitlines()[-1] == "key 1 is gone from all hosts; hosts ask with key 2"
    assert list(site.keys) == [2]
    text = site.operator.key_file.read_text()
    assert text.startswith("# for machines\n")
    state = KeyFile(site.operator.key_file).state()
    assert state.rotation is None
    assert state.hosts is not None
    assert state.hosts.id == 2
    assert OLD in KeyFile(site.operator.key_file).backup.read_text()
    for host in site.hosts.values():
        assert [line.split()[0] for line in login(host, "cat /etc/chrony/chrony.keys").splitlines()] == ["2"]
    told = login(site.hosts["web1"], "chronyc -n ntpdata")
    assert told.count("Authenticated   : Yes") == len(servers)
    assert asked_with(site.hosts["web1"]) == {"2"}
    for key in (old, new):
        assert_nowhere(key.secret.hex(), said + output + errors, site.operator.home / "state")


def test_a_preview_changes_nothing_and_without_a_terminal_nothing_begins(site: Hosts) -> None:
    before = site.operator.key_file.read_bytes()
    shown = site.operator.run_plainly("keys.rotate", site.option, "--preview")
    assert (shown.status, shown.errors) == (0, "")
    assert "ntp1, ntp2 will answer both keys, then web1 will ask with key 3 (AES128)" in shown.output
    refused = site.operator.run_plainly("keys.rotate", site.option)
    assert refused.status == 2
    assert refused.output == shown.output
    assert "standard input is no terminal: read the above and say --yes" in refused.errors
    assert site.operator.key_file.read_bytes() == before
    assert KeyFile(site.operator.key_file).state().rotation is None


def test_an_overlap_leaves_the_old_key_for_those_that_are_not_managed(site: Hosts) -> None:
    process = site.rotate("--overlap=7")
    output, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, ""), output
    assert re.fullmatch(
        r"hosts use key 3; key 2 stays until [\d-]+: then run the same command again to continue",
        output.splitlines()[-1],
    )
    assert list(site.keys) == [2, 3]
    assert asked_with(site.hosts["web1"]) == {"3"}
    for name in ("ntp1", "ntp2"):
        assert len(login(site.hosts[name], "cat /etc/chrony/chrony.keys").splitlines()) == 2
    refused = site.operator.run_plainly("keys.rotate", site.option, "--id=3", "--yes")
    assert refused.status == 2
    assert "error: --id 3: key 3 replaces key 2, and that is under way" in refused.errors
