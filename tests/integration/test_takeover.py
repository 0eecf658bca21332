"""A host with a chrony that somebody has configured: a deployment names what it would lose, and gives it back."""

from collections.abc import Iterator

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import assert_nowhere, booted, login
from tests.helpers.host_state import give_builds, install
from tests.helpers.operators import Ran
from tests.integration.conftest import CHECKOUT, Deployed

pytestmark = pytest.mark.integration

SECRET = bytes(range(16)).hex().upper()
CUSTOMISED = f"""
mkdir -p /etc/systemd/system/chrony.service.d
printf '[Unit]\\nConditionCapability=\\n[Service]\\nExecStart=\\nExecStart=!/usr/sbin/chronyd -x $DAEMON_OPTS\\n' \
    >/etc/systemd/system/chrony.service.d/sandbox.conf
printf 'server 198.19.0.2 iburst key 12\\n' >/etc/chrony/sources.d/own.sources
printf 'allow 10.9.0.0/16\\nlocal stratum 5\\nrefclock SHM 0 refid GPS\\n' >/etc/chrony/conf.d/own.conf
printf '1 AES128 HEX:{SECRET}\\n12 AES128 HEX:{SECRET}\\n13 MD5 HEX:AABB\\n' >>/etc/chrony/chrony.keys
systemctl daemon-reload
systemctl restart chrony
systemctl is-active chrony
"""
FILES = "cat /etc/chrony/chrony.conf /etc/chrony/*.d/* /etc/chrony/chrony.keys /etc/systemd/system/chrony.service.d/*"
LOST = {
    "source": "pool 2.debian.pool.ntp.org iburst",
    "source.options": "server 198.19.0.2 iburst key 12",
    "source.dhcp": "sourcedir /run/chrony-dhcp",
    "refclock": "refclock SHM 0 refid GPS",
    "local": "local stratum 5",
    "access.wider": "access for 10.9.0.0/16",
    "ipv6.opens": "access for IPv4 alone",
    "unit": "ConditionCapability=",
    "key.secret": "key 1 AES128",
}
"""Id → the setting as it was; besides, there are keys and other directives."""


@pytest.fixture(scope="module")
def host(deployed: Deployed) -> Iterator[Sandbox]:
    with booted(f"it-takeover-{CHECKOUT}") as host:
        install(host, "chrony")
        give_builds(deployed.host, host)
        yield host


def run(deployed: Deployed, host: Sandbox, task: str, *words: str) -> Ran:
    return deployed.operator.run(task, f"--host=sandbox:{host.name}", *words)


def losses(ran: Ran) -> list[tuple[str, str]]:
    return [(loss["id"], loss["was"]) for loss in ran.report["losses"]]


def test_a_distributions_default_is_replaced_without_a_word(host: Sandbox, deployed: Deployed) -> None:
    planned = run(deployed, host, "plan")
    assert (planned.status, losses(planned)) == (3, [])


def test_a_units_file_that_somebody_has_edited_in_place_is_named(host: Sandbox, deployed: Deployed) -> None:
    unit = "/lib/systemd/system/chrony.service"
    login(host, f"cp {unit} /root/; sed -i 's,^ExecStart=.*,& -r,' {unit}; systemctl daemon-reload")
    edited = run(deployed, host, "plan")
    assert (edited.status, [loss["id"] for loss in edited.report["losses"] if loss["place"] == unit]) == (1, ["unit"])
    login(host, f"cp /root/chrony.service {unit}; systemctl daemon-reload")
    assert run(deployed, host, "plan").status == 3


def test_status_and_verify_name_it(host: Sandbox, deployed: Deployed) -> None:
    login(host, CUSTOMISED)
    for task in ("status", "verify"):
        ran = run(deployed, host, task)
        assert ran.status == 1
        assert "nothing is deployed here; chrony.service (chrony 4.3) keeps time, " in ran.error
        assert "synchronised" in ran.error


def test_a_customised_one_is_named_and_nothing_is_changed(host: Sandbox, deployed: Deployed) -> None:
    before = login(host, FILES)
    for task in ("plan", "deploy"):
        ran = run(deployed, host, task)
        assert ran.status == 1
        assert "chrony.service is configured here, and nothing was changed" in ran.error
        assert ran.error.endswith(
            "write what is to stay into the site file, as inv import does, or give these up with --replace"
        )
        found = losses(ran)
        assert LOST.items() <= dict(found).items()
        assert [was for id_, was in found if id_ == "key"] == ["key 12 AES128", "key 13 MD5"]
        assert_nowhere(SECRET, ran.output)
    assert login(host, FILES) == before
    assert not (host.root / "opt/chrony/current").exists()
    assert login(host, "systemctl is-active chrony").strip() == "active"


def test_an_operator_may_give_it_up_and_is_not_asked_again(host: Sandbox, deployed: Deployed) -> None:
    replaced = run(deployed, host, "deploy", "--replace")
    replaced.assert_proven()
    assert LOST.items() <= dict(losses(replaced)).items()
    again = run(deployed, host, "deploy")
    again.assert_proven()
    assert losses(again) == []


def test_uninstall_gives_it_back_with_its_sources_and_keys(host: Sandbox, deployed: Deployed) -> None:
    left = run(deployed, host, "uninstall")
    assert left.status == 0, left
    assert SECRET in login(host, "cat /etc/chrony/chrony.keys")
    assert login(host, "readlink /proc/$(systemctl show --value -p MainPID chrony)/exe").strip() == "/usr/sbin/chronyd"
    sources = login(host, "chronyc -n -c sources")
    assert "198.19.0.2" in sources
    assert "GPS" in sources
