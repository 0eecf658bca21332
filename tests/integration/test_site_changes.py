"""A deployed host and another wish: what changes, what does not, and what becomes of a wish that cannot work."""

import re
from collections.abc import Iterator

import pytest

from provision.host.sandbox import sandbox
from tests.helpers.booted_hosts import login
from tests.helpers.host_state import current, files_of, pid
from tests.helpers.waiting import await_true
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration


@pytest.fixture
def host(deployed: Deployed) -> Iterator[Deployed]:
    """The host, which gets its first configuration back."""
    keys = deployed.operator.key_file.read_text()
    yield deployed
    deployed.operator.key_file.write_text(keys)
    assert deployed.run("deploy").status == 0


def with_extra(host: Deployed, line: str) -> str:
    return host.operator.site(f"[time]\nextra = ['{line}']\n")


def activations(host: Deployed) -> list[str]:
    return (host.host.root / "opt/chrony/history").read_text().splitlines()


def test_a_changed_site_restarts_chronyd_once(host: Deployed) -> None:
    site, before, history = host.operator.site("[time]\nmaxupdateskew = 50.0\n"), pid(host.host), activations(host)
    first, after = host.run("deploy", site), pid(host.host)
    second = host.run("deploy", site)
    first.assert_proven()
    assert list(first.changed) == ["staged", "rehearsed", "active", "confirmed"]
    assert before != after
    assert [line.split()[3] for line in activations(host)[len(history) :]] == ["active", "confirmed"]
    second.assert_proven()
    assert (second.changed, pid(host.host)) == ({}, after)


def test_going_back_stages_nothing_again(host: Deployed) -> None:
    generation = current(host.host)
    assert host.run("deploy", host.operator.site("[time]\nmaxupdateskew = 60.0\n")).status == 0
    assert current(host.host) != generation
    back = host.run("deploy")
    assert list(back.changed) == ["active", "confirmed"]
    assert current(host.host) == generation


def test_a_file_that_was_changed_by_hand_is_put_right(host: Deployed) -> None:
    login(host.host, "echo 'allow 0.0.0.0/0' >> /opt/chrony/current/chrony.conf; systemctl restart chronyd")
    staged, unaltered = host.run("plan").pending.values()
    assert staged == "chrony.conf has another content"
    assert "it admits 126.255.255.255, which chrony.conf does not" in unaltered
    mended = host.run("deploy")
    mended.assert_proven()
    assert "0.0.0.0/0" not in login(host.host, "cat /opt/chrony/current/chrony.conf")


def test_a_daemon_that_was_stopped_and_disabled_runs_again(host: Deployed) -> None:
    login(host.host, "systemctl disable --now chronyd.service")
    assert host.run("verify").status == 1
    assert host.run("plan").status == 3
    host.run("deploy").assert_proven()
    assert login(host.host, "systemctl is-enabled chronyd.service").strip() == "enabled"


def test_every_key_of_the_file_is_tried(host: Deployed) -> None:
    more = host.operator.run_plainly("keys.add", "--id=77", "--type=AES256")
    assert more.status == 0, more
    two = host.run("deploy")
    two.assert_proven()
    assert two.held("client.key", f"key 1 at {host.host.address}")
    assert two.held("client.key", f"key 77 at {host.host.address}")
    assert two.held("server.key", "key 77 at 127.0.0.1")


def test_a_client_opens_no_ntp_port(host: Deployed) -> None:
    client = host.run("deploy", host.operator.site('[serve]\nrole = "client"\n'))
    client.assert_proven()
    assert client.held("ports.ntp-unused")
    assert "udp/123" not in client.seen("ports.ntp-unused")
    assert client.findings("server") + client.findings("client") == []
    assert login(host.host, "ss -Hulnp sport = :123") == ""
    assert "CAP_NET_BIND_SERVICE" not in login(host.host, "cat /etc/systemd/system/chronyd.service")


def test_a_server_whose_rules_keep_this_machine_out_is_no_failure(host: Deployed) -> None:
    site = host.operator.site('[serve]\nallow = ["10.0.0.0/8"]\n')
    ran = host.run("deploy", site)
    assert (ran.status, ran.report["ok"]) == (0, True)
    assert ran.held("client") is None
    assert "do not admit this machine" in ran.seen("client")
    assert ran.held("server") is None
    assert ran.held("ports.ntp")
    line = f"  not checked +{host.host.address}: requests from this machine are answered  "
    assert re.search(line, ran.output)
    assert "may query: 10.0.0.0/8" in " ".join(ran.report["notes"])


def test_a_configuration_that_no_chronyd_accepts_leaves_the_running_one_alone(host: Deployed) -> None:
    before = (pid(host.host), files_of(host.host))
    ran = host.run("deploy", with_extra(host, "maxchange x"))
    assert ran.status == 2
    assert ran.errors.endswith("site.toml: time.extra[0]: maxchange offset: 'x' is no number\n")
    assert (pid(host.host), files_of(host.host)) == before
    assert host.run("verify").status == 0


def test_a_generation_that_does_not_come_up_gives_way_to_the_one_before(host: Deployed) -> None:
    generation = current(host.host)
    ran = host.run("deploy", with_extra(host, "refclock PHC /dev/null"))
    assert ran.status == 1
    assert f"did not come up; rolled back to generation {generation}" in ran.error
    assert "/dev/null" in ran.error, "the journal says why"
    assert current(host.host) == generation
    verified = host.run("verify")
    verified.assert_proven()
    assert generation in verified.seen("process.generation")


def test_it_serves_again_after_a_reboot(host: Deployed) -> None:
    login(host.host, "systemctl poweroff --no-block")
    await_true(lambda: sandbox.pid_of(host.host) is None, "it does not shut down")
    assert sandbox.up(host.host.name, say=print) == host.host
    host.run("verify").assert_proven()
    assert host.run("plan").pending == {}
