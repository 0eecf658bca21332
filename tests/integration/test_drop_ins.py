"""Drop-ins of chronyd's unit on one booted host: what changes the unit is named and stops a deployment."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login
from tests.helpers.host_state import give_builds, pid
from tests.integration.conftest import CHECKOUT, Deployed
from tests.integration.test_unit import Place

pytestmark = pytest.mark.integration

OURS = "/etc/systemd/system/chronyd.service.d"
FIRST = "/run/systemd/system.control"
OVERRIDDEN = "unit.not-overridden"
EFFECTIVE = "unit.loaded"
PROCESS = "unit.process"


@pytest.fixture(scope="module")
def place(deployed: Deployed) -> Iterator[Place]:
    with booted(f"it-drop-{CHECKOUT}") as host:
        give_builds(deployed.host, host)
        place = Place(host, deployed.operator)
        place.run("deploy").assert_proven()
        yield place


@contextmanager
def drop_in(host: Sandbox, path: str, text: str) -> Iterator[None]:
    """Put a drop-in on a host for a while, with chronyd started under it where it can be."""
    folder = path.rpartition("/")[0]
    login(host, f"mkdir -p {folder}; printf '%b' '[Service]\\n{text}\\n' >{path}; {RESTART} || true")
    try:
        yield
    finally:
        login(host, f"rm {path}; systemctl daemon-reload")


RESTART = "systemctl daemon-reload && systemctl restart chronyd.service 2>/dev/null"

CHANGING = [
    pytest.param(
        f"{OURS}/o.conf",
        "ExecStart=\\nExecStart=/opt/chrony/current/build/sbin/chronyd -n -U -x -F 2 -f /run/other.conf",
        {OVERRIDDEN, EFFECTIVE, PROCESS},
        id="another configuration",
    ),
    pytest.param(
        f"{OURS}/p.conf",
        "ProtectSystem=no\\nNoNewPrivileges=no\\nSystemCallFilter=",
        {OVERRIDDEN, EFFECTIVE, PROCESS},
        id="no protection",
    ),
    pytest.param(
        f"/run/systemd/system.control/{OURS.rpartition('/')[2]}/50-x.conf",
        "CapabilityBoundingSet=CAP_CHOWN",
        {OVERRIDDEN, EFFECTIVE, PROCESS},
        id="a capability, until the next boot",
    ),
    pytest.param(
        "/etc/systemd/system/service.d/all.conf",
        "Environment=GNUTLS_DEBUG_LEVEL=0",
        {OVERRIDDEN, EFFECTIVE, PROCESS},
        id="a variable, for all services",
    ),
]
OTHER_CONF = "cat /opt/chrony/current/chrony.conf >/run/other.conf; echo 'allow 0/0' >>/run/other.conf"


@pytest.mark.parametrize(("path", "text", "checks"), CHANGING)
def test_a_drop_in_that_changes_the_unit_is_named_and_stops_a_deployment(
    place: Place, path: str, text: str, checks: set[str]
) -> None:
    login(place.host, OTHER_CONF)
    with drop_in(place.host, path, text):
        before = pid(place.host)
        verified, planned, deployed = place.run("verify"), place.run("plan"), place.run("deploy")
        assert pid(place.host) == before > 0
    failed = {finding["id"] for finding in verified.report["findings"] if finding["holds"] is False}
    assert verified.status == 1
    assert failed >= checks
    assert verified.seen(OVERRIDDEN).startswith(f"{path} sets ")
    assert planned.pending["unit-overrides"] == verified.seen(OVERRIDDEN)
    assert (planned.status, deployed.status) == (1, 1)
    assert planned.error == deployed.error
    assert f"{verified.seen(OVERRIDDEN)}: chronyd would not run" in deployed.error
    assert "as deployed; nothing was changed: remove the file" in deployed.error
    # What was started under it keeps what it gave, after it is gone: until chronyd is started again.
    mended = place.run("deploy")
    mended.assert_proven()
    assert set(mended.changed) == {"process-as-unit"}


def test_a_unit_without_which_chronyd_would_not_start_is_named(place: Place) -> None:
    folder = "/etc/systemd/system/chronyd.service.requires"
    login(place.host, f"mkdir {folder}; ln -s /nope {folder}/nope.service; systemctl daemon-reload")
    verified, deployed = place.run("verify"), place.run("deploy")
    login(place.host, f"rm -r {folder}; systemctl daemon-reload")
    assert verified.seen(OVERRIDDEN) == f"{folder}/nope.service has chronyd start only with that unit"
    assert verified.seen(OVERRIDDEN) in deployed.error


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("/etc/systemd/system/chrony-undo.service.d/x.conf", "[Service]\\nExecStart=\\nExecStart=/bin/true"),
        ("/run/systemd/system/chrony-.service.d/x.conf", "[Unit]\\nConditionPathExists=/nope"),
        ("/etc/systemd/system/timer.d/x.conf", "[Timer]\\nOnActiveSec=\\nOnActiveSec=99999"),
        ("/run/systemd/system.control/chrony-undo.service", "[Service]\\nExecStart=/bin/true"),
    ],
)
def test_what_would_prevent_a_rollback_is_named_and_stops_a_deployment(path: str, section: str, place: Place) -> None:
    login(
        place.host, f"mkdir -p {path.rpartition('/')[0]}; printf '%b' '{section}\\n' >{path}; systemctl daemon-reload"
    )
    verified, deployed = place.run("verify"), place.run("deploy")
    login(place.host, f"rm {path}; systemctl daemon-reload")
    assert verified.seen(OVERRIDDEN) == f"{path} changes the units of the automatic rollback"
    assert verified.seen(OVERRIDDEN) in deployed.error
    assert deployed.status == 1


def test_a_harmless_drop_in_is_a_note(place: Place) -> None:
    with drop_in(place.host, f"{OURS}/nice.conf", "Nice=5\\nRestart=always\\nLimitNOFILE=1024\\nEnvironment=LANG=C"):
        deployed = place.run("deploy")
        deployed.assert_proven()
        assert deployed.changed == {}
        assert f"accepted: the drop-in {OURS}/nice.conf of chronyd's unit" in deployed.report["notes"]


def test_a_variable_of_the_manager_itself_is_seen_in_the_process(place: Place) -> None:
    login(place.host, f"systemctl set-environment MALLOC_PERTURB_=1; {RESTART}")
    verified = place.run("verify")
    login(place.host, f"systemctl unset-environment MALLOC_PERTURB_; {RESTART}")
    assert verified.status == 1
    assert verified.seen(PROCESS) == "its environment has MALLOC_PERTURB_"


def test_a_unit_that_systemd_reads_first_is_named(place: Place) -> None:
    login(
        place.host,
        f"mkdir -p {FIRST}; cp /etc/systemd/system/chronyd.service {FIRST}/; systemctl daemon-reload",
    )
    verified, deployed = place.run("verify"), place.run("deploy")
    login(place.host, f"rm {FIRST}/chronyd.service; systemctl daemon-reload")
    assert verified.held(OVERRIDDEN) is False
    assert f"{FIRST}/chronyd.service is read in the place of" in deployed.error
