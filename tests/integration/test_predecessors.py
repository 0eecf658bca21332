"""What kept time before a deployment, or comes after it: after a reboot ours runs alone, and time is served.

One bookworm host has each kind of predecessor at once. Where a daemon cannot run without CAP_SYS_TIME, a program of its
name stands for it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login, reboot
from tests.helpers.host_state import give_builds, install, pid
from tests.helpers.operators import Ran
from tests.helpers.waiting import await_true
from tests.integration.conftest import CHECKOUT, Deployed
from tests.integration.test_packaged import UNCONDITIONALLY
from tests.integration.test_uninstall import serves_time

pytestmark = pytest.mark.integration

KINDS = {
    "NTPsec": "ntpsec.service",
    "chronyd under another unit's name": "other-clock.service",
    "a vendor's ntpd": "vendor-clock.service",
    "ntpd-rs, which conflicts with chrony.service alone": "ntpd-rs.service",
    "phc2sys, an instance of a template": "phc2sys@eth0.service",
    "timemaster": "timemaster.service",
    "ntpdate, by a timer": "step-clock.service",
    "ntpdate of a unit in /etc, by a timer": "tick.service",
}
"""Kind of predecessor → its unit."""
RUNNING = [unit for kind, unit in KINDS.items() if "timer" not in kind]
DOCUMENT = Path(__file__).parents[2] / "docs/reliability.md"
UNITS_GONE = " ".join([*KINDS.values(), "step-clock.timer", "tick.timer"])
ROWS = [
    *KINDS,
    "a chronyd that was started by hand",
    "chrony's package, installed later",
    "chrony's package, purged later",
]
"""The rows of the table in the document."""

PREDECESSORS = """
systemctl disable --now chrony
printf 'server 198.19.0.2\\nallow\\npidfile /run/other.pid\\ncmdport 0\\nbindcmdaddress /\\n' >/etc/other.conf
unit() { # FOLDER NAME LINE [DIRECTIVE OF [Unit]]
    printf '[Unit]\\n%s\\n[Service]\\nExecStart=%s\\n[Install]\\nWantedBy=multi-user.target\\n' "${4-}" "$3" >"$1/$2"
}
mkdir -p /opt/vendor
for name in ntpd ntp-daemon phc2sys timemaster ntpdate; do cp /usr/bin/sleep /opt/vendor/$name; done
unit /etc/systemd/system other-clock.service "/usr/sbin/chronyd -n -x -f /etc/other.conf"
unit /usr/lib/systemd/system ntpsec.service "/opt/vendor/ntpd 86400" Conflicts=systemd-timesyncd.service
unit /usr/lib/systemd/system vendor-clock.service "/opt/vendor/ntpd 86400"
unit /usr/lib/systemd/system ntpd-rs.service "/opt/vendor/ntp-daemon 86400" Conflicts=chrony.service
unit /usr/lib/systemd/system phc2sys@.service "/opt/vendor/phc2sys 86400"
unit /usr/lib/systemd/system timemaster.service "/opt/vendor/timemaster 86400" Conflicts=chronyd.service
printf '[Service]\\nType=oneshot\\nExecStart=/opt/vendor/ntpdate 0\\n' >/usr/lib/systemd/system/step-clock.service
printf '[Timer]\\nOnBootSec=1s\\nOnUnitActiveSec=1s\\n[Install]\\nWantedBy=timers.target\\n' \
    >/etc/systemd/system/step-clock.timer
printf '[Service]\\nType=oneshot\\nExecStart=/opt/vendor/ntpdate 0\\n' >/etc/systemd/system/tick.service
printf '[Timer]\\nOnCalendar=hourly\\n[Install]\\nWantedBy=timers.target\\n' >/etc/systemd/system/tick.timer
systemctl daemon-reload
systemctl enable --now ntpsec other-clock vendor-clock ntpd-rs phc2sys@eth0 timemaster step-clock.timer tick.timer
"""
STARTING = """
printf '[Service]\\nExecStartPre=/bin/sh -c "while [ -e /run/hold ]; do sleep 0.1; done"\\n' \
    >/etc/systemd/system/slow.service
printf 'ExecStart=/opt/vendor/ntpd 86400\\n[Install]\\nWantedBy=multi-user.target\\n' >>/etc/systemd/system/slow.service
touch /run/hold
systemctl -q enable slow.service
systemctl start --no-block slow.service
"""
BY_HAND = """
setsid /usr/sbin/chronyd -x -d 'pidfile /run/hand.pid' allow 'cmdport 0' 'bindcmdaddress /' </dev/null >/dev/null 2>&1 &
tries=100
until grep -qs : /proc/net/udp && [ -s /run/hand.pid ] || [ $tries -eq 0 ]; do tries=$((tries - 1)); sleep 0.1; done
cat /run/hand.pid
"""


@pytest.fixture(scope="module")
def host(deployed: Deployed) -> Iterator[Sandbox]:
    """A host on which every kind of predecessor runs."""
    with booted(f"it-before-{CHECKOUT}") as host:
        install(host, "chrony")
        login(host, f"{{ {PREDECESSORS}\n}} 2>&1")
        give_builds(deployed.host, host)
        yield host


def run(deployed: Deployed, host: Sandbox, task: str, *words: str) -> Ran:
    # All of these predecessors are somebody's own.
    agreed = ["--replace"] if task in {"plan", "deploy"} else []
    return deployed.operator.run(task, f"--host=sandbox:{host.name}", *agreed, *words)


def states(host: Sandbox, units: list[str]) -> dict[str, str]:
    said = login(host, f"systemctl show --value -p ActiveState {' '.join(units)}").split()
    return dict(zip(units, said, strict=True))


def chronyds(host: Sandbox) -> list[str]:
    return login(host, "pidof chronyd || true").split()


def finding(ran: Ran, check: str) -> tuple[bool | None, str]:
    (found,) = ran.findings(check)
    return found["holds"], found["seen"]


def test_a_plan_names_each(host: Sandbox, deployed: Deployed) -> None:
    assert set(states(host, RUNNING).values()) == {"active"}
    planned = run(deployed, host, "plan")
    why = planned.pending["active"]
    assert [unit for unit in KINDS.values() if f"stops and masks {unit}, which is" not in why] == []


def test_after_a_deployment_and_a_reboot_the_deployed_daemon_runs_alone(host: Sandbox, deployed: Deployed) -> None:
    run(deployed, host, "deploy").assert_proven()
    for _ in range(2):
        assert set(states(host, list(KINDS.values())).values()) <= {"inactive", "failed"}
        assert states(host, ["tick.timer"]) == {"tick.timer": "inactive"}
        assert chronyds(host) == [str(pid(host))]
        assert serves_time(host)
        run(deployed, host, "verify").assert_proven()
        reboot(host)
    assert run(deployed, host, "plan").pending == {}


def test_the_way_out_gives_each_its_work_back(host: Sandbox, deployed: Deployed) -> None:
    left = run(deployed, host, "uninstall")
    assert left.status == 0, left
    holds, seen = finding(left, "time-services.restored")
    assert holds
    assert all(unit in seen for unit in RUNNING)
    assert set(states(host, [*RUNNING, "tick.timer"]).values()) == {"active"}
    assert login(host, "systemctl is-enabled tick.timer").strip() == "enabled"
    assert serves_time(host)


def test_a_chronyd_that_was_started_by_hand_is_named_and_nothing_is_changed(host: Sandbox, deployed: Deployed) -> None:
    login(host, f"systemctl disable --now {UNITS_GONE} 2>&1; cd /usr/lib/systemd/system && rm vendor-clock.service")
    by_hand = login(host, BY_HAND).strip()
    for task in ("plan", "deploy"):
        ran = run(deployed, host, task)
        assert f"/usr/sbin/chronyd (pid {by_hand}, in " in ran.output
        assert f"has UDP port 123: a deployment refuses until that has ended (kill {by_hand})" in ran.error
        assert ran.status == 1
    assert not (host.root / "opt/chrony/current").exists()
    login(host, f"kill {by_hand}")
    run(deployed, host, "deploy").assert_proven()


def test_a_package_that_is_purged_later_takes_folders_and_the_next_run_makes_them(
    host: Sandbox, deployed: Deployed
) -> None:
    login(host, "DEBIAN_FRONTEND=noninteractive apt-get -y purge chrony 2>&1")
    assert serves_time(host)
    seen = run(deployed, host, "verify")
    assert seen.status == 1
    assert finding(seen, "process.folders")[1].startswith(
        "missing or open to others: /run/chrony /var/lib/chrony /var/log/chrony"
    )
    mended = run(deployed, host, "deploy")
    mended.assert_proven()
    reboot(host)
    run(deployed, host, "verify").assert_proven()


def test_timedatectl_knows_it_and_a_stop_by_timedatectl_is_undone(host: Sandbox, deployed: Deployed) -> None:
    assert "NTP service: active" in login(host, "timedatectl")
    login(host, "timedatectl set-ntp false")
    stopped = run(deployed, host, "verify")
    assert (stopped.status, finding(stopped, "process.running")[0]) == (1, False)
    site = deployed.operator.site("[service]\nwait = true\n")
    run(deployed, host, "deploy", site).assert_proven()
    login(host, "systemctl start chronyd-wait && systemctl is-active time-sync.target")
    order = login(host, "systemctl show --value -p After time-sync.target").split()
    assert {"chronyd.service", "chronyd-wait.service"} <= set(order)
    run(deployed, host, "deploy").assert_proven()
    assert "not-found" in login(host, "systemctl show -p LoadState chronyd-wait")


def test_a_package_and_a_timer_that_come_later_are_named_and_stopped_by_the_next_run(
    host: Sandbox, deployed: Deployed
) -> None:
    assert run(deployed, host, "uninstall").status == 0
    login(host, "rm -f /etc/systemd/system/chronyd.service; systemctl daemon-reload")
    run(deployed, host, "deploy").assert_proven()
    # At first without a word of success: its daemon finds ours in its way.
    login(host, f"{{ {UNCONDITIONALLY}\n}} 2>&1 || true")
    login(host, "{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get -y install chrony; } 2>&1")
    login(host, "systemctl -q enable --now tick.timer")
    assert serves_time(host)
    seen = run(deployed, host, "verify")
    holds, rivals = finding(seen, "time-services.alone")
    assert (seen.status, holds) == (1, False)
    assert "tick.service is inactive, static, started by tick.timer" in rivals
    reboot(host)
    assert serves_time(host)
    run(deployed, host, "deploy").assert_proven()
    reboot(host)
    run(deployed, host, "verify").assert_proven()
    assert states(host, ["tick.timer"]) == {"tick.timer": "inactive"}
    assert chronyds(host) == [str(pid(host))]


def test_uninstall_starts_a_service_that_was_installed_later(host: Sandbox, deployed: Deployed) -> None:
    left = run(deployed, host, "uninstall")
    assert left.status == 0, left
    assert finding(left, "time-services.restored") == (True, "chrony.service")
    # With the package's own files, in the places where our links were.
    login(host, "cmp /etc/chrony/chrony.conf /usr/share/chrony/chrony.conf")
    assert states(host, ["chrony.service"]) == {"chrony.service": "active"}


def test_the_way_out_says_plainly_that_nothing_keeps_time(host: Sandbox, deployed: Deployed) -> None:
    run(deployed, host, "deploy").assert_proven()
    login(host, "DEBIAN_FRONTEND=noninteractive apt-get -y purge chrony 2>&1")
    left = run(deployed, host, "uninstall")
    assert left.status == 1
    assert finding(left, "time-services.restored")[1].startswith("none does; chrony.service did before")


def test_a_service_that_was_starting_is_started_again(host: Sandbox, deployed: Deployed) -> None:
    login(host, STARTING)
    await_true(lambda: states(host, ["slow.service"]) == {"slow.service": "activating"}, "it does not start")
    run(deployed, host, "deploy").assert_proven()
    assert states(host, ["slow.service"])["slow.service"] in {"inactive", "failed"}
    login(host, "rm /run/hold")
    left = run(deployed, host, "uninstall")
    assert (left.status, finding(left, "time-services.restored")) == (0, (True, "slow.service"))


def test_the_document_has_each_kind() -> None:
    _, _, section = DOCUMENT.read_text().partition("**Other time services, before and after a deployment**")
    rows = re.findall(r"^\| ([^|]+) \|", section.partition("\n## ")[0], re.MULTILINE)
    assert [row for row in rows if row not in {"time service", "---"}] == ROWS
