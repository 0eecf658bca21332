"""A site with hosts: a server, and a client that follows it with a key, deployed in one run."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login, need_root
from tests.helpers.host_under_test import SMALL
from tests.helpers.operators import TIME_SOURCE, Operator
from tests.helpers.samples import read_keys

pytestmark = pytest.mark.integration

NAMES = ("it-site-server", "it-site-client")
SITE = f"""
{SMALL}
[groups.servers]
serve.allow = ["198.18.0.0/15"]
time.servers = [{{ address = "{TIME_SOURCE}", minpoll = 0, maxpoll = 4 }}]

[groups.clients]
serve.role = "client"
time.follows = "servers"

[hosts]
client = {{ group = "clients", host = "sandbox:{NAMES[1]}" }}
server = {{ group = "servers", host = "sandbox:{NAMES[0]}" }}
"""


@pytest.fixture(scope="module")
def hosts(
    small_artifacts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Operator, Sandbox, Sandbox]]:
    need_root()
    with ExitStack() as stack:
        server, client = (stack.enter_context(booted(name)) for name in NAMES)
        operator = Operator(tmp_path_factory.mktemp("operator"))
        operator.share_artifacts(small_artifacts)
        operator.key_file.parent.mkdir(parents=True)
        device = "2 AES256 HEX:00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"
        operator.key_file.write_text(f"1 AES128 HEX:FFEEDDCCBBAA99887766554433221100\n{device}")
        operator.key_file.chmod(0o600)
        yield operator, server, client


def test_a_client_follows_the_server_of_its_site(hosts: tuple[Operator, Sandbox, Sandbox]) -> None:
    operator, server, client = hosts
    ran = operator.run("deploy", operator.site(SITE))
    assert ran.status == 0, ran
    assert [report["host"] for report in ran.reports] == ["server", "client"]
    assert all(report["ok"] for report in ran.reports)
    assert any("it follows one server alone" in note for note in ran.reports[1]["notes"])
    told = login(client, "chronyc -n ntpdata")
    assert f"Remote address  : {server.address}" in told
    assert "Authenticated   : Yes" in told
    keys = read_keys(operator.key_file)
    assert keys is not None
    there = login(client, "cat /etc/chrony/chrony.keys")
    assert [line.split()[0] for line in there.splitlines()] == ["1"]
    assert login(server, "cat /etc/chrony/chrony.keys") == keys.text


def test_the_same_again_changes_nothing(hosts: tuple[Operator, Sandbox, Sandbox]) -> None:
    operator, _, _ = hosts
    ran = operator.run("deploy", operator.site(SITE))
    assert ran.status == 0, ran
    assert [(report["changed"], report["round_trips"]) for report in ran.reports] == [(0, 3), (0, 3)]


def test_one_host_can_be_named(hosts: tuple[Operator, Sandbox, Sandbox]) -> None:
    operator, _, _ = hosts
    ran = operator.run("verify", operator.site(SITE), "--host=clients")
    assert ran.status == 0, ran
    assert ran.report["host"] == "client"


def test_what_they_resolve_to_is_shown(hosts: tuple[Operator, Sandbox, Sandbox]) -> None:
    operator, server, _ = hosts
    shown = operator.run_plainly("site", operator.site(SITE), "--host=client")
    assert shown.status == 0, shown
    first, *lines = shown.output.splitlines()
    assert first == f"client: client of group clients, reached at sandbox:{NAMES[1]}"
    assert f"  asks: {server.address} with key 1" in lines
    assert '  time.follows = "servers"  (group clients)' in lines


@pytest.mark.parametrize("task", ["rollback", "uninstall"])
def test_what_must_not_be_done_by_a_slip_wants_hosts_named(task: str, hosts: tuple[Operator, Sandbox, Sandbox]) -> None:
    operator, _, _ = hosts
    ran = operator.run_plainly(task, operator.site(SITE))
    assert (ran.status, ran.errors.strip()) == (2, "error: no host; say --host NAME")


def test_a_site_without_hosts_shows_the_settings_of_any_host(tmp_path: Path) -> None:
    site = Operator(tmp_path).site("time.rtcsync = false\nserve.role = 'client'\n")
    ran = Operator(tmp_path).run_plainly("site", site)
    assert ran.status == 0, ran
    assert ran.output.splitlines()[0] == "any host: client"
    assert "  time.rtcsync = false  (defaults)" in ran.output.splitlines()
