"""A host that was switched goes back by itself, whoever holds what, and whatever ends its tries: in the end it is back.

The tests share a deployed host. The other generation is a copy of the current one; the service of the timer is started
at once, rather than waited for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provision.host.sandbox.sandbox import Sandbox
from provision.verify.ntp.probe import probe
from tests.helpers.booted_hosts import login
from tests.helpers.host_state import current, find, pid
from tests.helpers.rollback_faults import FAULTS, HASTE, HOLD, KILL, KILLS, LET_GO
from tests.helpers.samples import read_keys
from tests.helpers.waiting import await_true
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

SWITCH = "/opt/chrony/switch"
OTHER = "0123456789abcdef"
UNCONFIRMED = "opt/chrony/unconfirmed"
COPY = f"""
cd /opt/chrony/generations
cp -a "$(readlink ../current | sed 's|.*/||')" {OTHER}
sed -i 's/^Environment=CHRONY_GENERATION=.*/Environment=CHRONY_GENERATION={OTHER}/' {OTHER}/chronyd.service
cp -p ../history ../switch /root
"""


@dataclass(frozen=True, slots=True)
class Away:
    """A host that was switched to another generation, and has not been told to keep it."""

    host: Sandbox
    key_file: Path
    home: str
    """The generation to which it has to go back."""

    def switch(self, seconds: int = 600) -> None:
        """Switch; the timer goes off in so many seconds."""
        login(self.host, f"{SWITCH} {OTHER} {seconds}")
        assert current(self.host) == OTHER

    def go_off(self) -> None:
        """Start what the timer starts."""
        login(self.host, "systemctl daemon-reload; systemctl start --no-block chrony-undo.service")

    def assert_back(self) -> None:
        """Wait until the host has gone back; it serves authenticated time, and nothing waits any more."""
        await_true(lambda: not (self.host.root / UNCONFIRMED).exists(), "it does not go back")
        await_true(lambda: find(self.host.root / "etc/systemd/system", "*chrony-undo*") == [], "a timer is left")
        assert current(self.host) == self.home
        keys = read_keys(self.key_file)
        assert keys is not None
        seen = probe(self.host.address, keys)
        assert seen.answered
        assert [answer.mac_valid for answer in seen.keys] == [True] * len(seen.keys)

    @property
    def tries(self) -> int:
        """Return how often the service was started again."""
        return int(login(self.host, "systemctl show -p NRestarts chrony-undo.service").partition("=")[2])


@pytest.fixture
def away(deployed: Deployed) -> Iterator[Away]:
    host = deployed.host
    login(host, COPY + HASTE)
    one = Away(host, deployed.operator.key_file, current(host))
    yield one
    login(
        host,
        f"systemctl stop chrony-undo.timer chrony-undo.service 2>/dev/null; rm -rf {FAULTS} /run/kill\n"
        f"cp -p /root/switch {SWITCH}; systemctl daemon-reload\n"
        "systemctl reset-failed chrony-undo.service 2>/dev/null\n"
        f"[ ! -e /opt/chrony/unconfirmed ] || {SWITCH} --back\n"
        f"rm -rf /opt/chrony/generations/{OTHER}; mv /root/history /opt/chrony/history; rm -f /root/switch",
    )
    assert current(host) == one.home


def test_a_way_back_that_is_killed_is_tried_again(away: Away) -> None:
    away.switch()
    login(away.host, KILL)
    away.go_off()
    away.assert_back()
    counted = login(away.host, "cat /run/kill/counted /run/kill/count")
    assert counted.count("--- killed") == len(KILLS), counted
    outcomes = [line.split()[2:4] for line in login(away.host, "tail -n 2 /opt/chrony/history").splitlines()]
    assert outcomes == [[OTHER, "not-confirmed"], [away.home, "active"]]


@pytest.mark.parametrize("folder", ["/opt/chrony", "/etc/systemd/system"])
def test_a_way_back_that_cannot_be_written_is_tried_again(folder: str, away: Away) -> None:
    away.switch()
    login(away.host, f"mount --bind {folder} {folder}; mount -o remount,bind,ro {folder}")
    try:
        away.go_off()
        await_true(lambda: away.tries > 1, "it is tried once only")
        assert pid(away.host) != 0, "meanwhile the new daemon runs on"
    finally:
        # Lazily: a try that reads the folder just now would keep it busy.
        login(away.host, f"umount -l {folder}")
    away.assert_back()


def test_the_timer_itself_starts_the_return(away: Away) -> None:
    away.switch(1)
    away.assert_back()


def test_a_local_user_holds_no_lock(away: Away, deployed: Deployed) -> None:
    held = login(away.host, HOLD).split()
    try:
        assert held == ["lock", "switch.lock"]
        away.switch(1)
        away.assert_back()
        # A run that changes something takes the other lock.
        login(away.host, f"rm -r {FAULTS}; systemctl daemon-reload; rm /usr/local/bin/chronyc")
        assert deployed.run("deploy").status == 0
    finally:
        login(away.host, LET_GO)
    assert login(away.host, "ls /usr/local/bin/chronyc; stat -c %a /opt/chrony/locks /opt/chrony/locks/*").split() == [
        "/usr/local/bin/chronyc",
        "700",
        "600",
        "600",
    ]
    assert [path.name for path in (away.host.root / "opt/chrony").glob("*lock")] == []


def hold_the_lock(away: Away, script: str) -> None:
    """Run a script that has the lock of the switch, and return when it has it."""
    lock = "/opt/chrony/locks/switch"
    login(away.host, f"sh -c 'exec 9>>{lock}; flock 9; {script}' >/dev/null 2>&1 &")
    login(away.host, f"while flock --nonblock {lock} true; do sleep 0.1; done")


def test_a_switch_that_hangs_does_not_hold_the_way_back_up(away: Away) -> None:
    away.switch()
    login(away.host, f"sed -i 's/^patience=.*/patience=1/' {SWITCH}")
    hold_the_lock(away, "kill -s STOP $$")
    said = login(away.host, f"{SWITCH} --wait {OTHER} 600 2>&1 || true")
    assert said.startswith("another switch has been running for more than 1 s")
    away.go_off()
    away.assert_back()
    assert "has held the lock for more than 1 s, and is killed" in login(
        away.host, "journalctl -u chrony-undo.service -o cat"
    )


@pytest.mark.parametrize("signal", ["HUP", "INT", "PIPE", "TERM"])
def test_a_signal_that_systemd_takes_for_a_clean_end_does_not_end_the_tries(signal: str, away: Away) -> None:
    away.switch()
    # While it waits for the lock: with the lock, it ignores them.
    hold_the_lock(away, "while [ ! -e /run/let-go ]; do sleep 0.1; done; rm /run/let-go")
    away.go_off()
    await_true(lambda: login(away.host, "pgrep -x flock || true"), "it does not wait for the lock")
    login(away.host, f"systemctl kill -s {signal} chrony-undo.service; touch /run/let-go")
    away.assert_back()


def test_it_says_that_something_runs_again_only_where_it_does(away: Away, deployed: Deployed) -> None:
    service = "/etc/systemd/system/sundial.service"
    login(
        away.host,
        f"printf '[Service]\\nExecStart=/bin/false\\n' >{service}; cp -a /opt/chrony/before /root/before; "
        "echo 'sundial.service active static' >>/opt/chrony/before/services",
    )
    try:
        away.switch()
        login(away.host, "sed -i 's/^fallback=.*/fallback=before/' /opt/chrony/unconfirmed")
        said = login(away.host, f"{SWITCH} --back 2>&1 || true")
        assert "does not run again: sundial.service (see systemctl status sundial.service)" in said
        assert "active again" not in said
        login(away.host, f"printf '[Service]\\nExecStart=/bin/sleep 1000\\n' >{service}; systemctl daemon-reload")
        assert re.search("active again: .*sundial.service", login(away.host, f"{SWITCH} --back"))
    finally:
        login(
            away.host,
            f"systemctl stop sundial.service; rm -f {service}; systemctl daemon-reload\n"
            f"rm -rf /opt/chrony/before; mv /root/before /opt/chrony/before; {SWITCH} {away.home}\n"
            f"rm -r {FAULTS}; systemctl daemon-reload",
        )
        # What lies beside the generation went with it: other tests call chronyc by its link.
        assert deployed.run("deploy").status == 0
