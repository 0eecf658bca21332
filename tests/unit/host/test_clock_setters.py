"""Programs and lines that may set the clock beside chronyd: they are named, and left alone."""

from pathlib import Path

import pytest

from tests.helpers.fake_proc import MAY_SET, ROOT, Proc
from tests.helpers.fake_systemctl import Systemctl
from tests.helpers.found_services import found, running


def test_what_may_set_the_clock_is_named_and_left_alone(systemctl: Systemctl, proc: Proc, tmp_path: Path) -> None:
    proc.add(600, "/opt/guest/bin/guestd", unit="guest.service", capabilities=ROOT)
    guest = running("guest.service", "/opt/guest/bin/guestd", 600)
    systemctl.add("guest.service", guest, "[Unit]\nConflicts=systemd-timesyncd.service\n")
    proc.add(601, "/opt/vendor/clockd", unit="clockd.service", uid=109, capabilities=MAY_SET)
    systemctl.add("clockd.service", running("clockd.service", "/opt/vendor/clockd", 601))
    loop = "/bin/sh -c 'while :; do adjtimex --tick 10000; sleep 60; done'"
    systemctl.add("loop.service", running("loop.service", loop, 602), f"[Service]\nExecStart={loop}\n")
    (tmp_path / "cron.d").mkdir()
    (tmp_path / "cron.d/clock").write_text("# ntpdate was here\n17 * * * * root /usr/sbin/ntpdate -u ntp1\n")
    (tmp_path / "cron.d/other").write_text("# ntpdate -u ntp1\n17 * * * * root run-parts /etc/updates\n")
    proc.add(603, "/usr/sbin/connmand", unit="connman.service", capabilities=ROOT)
    systemctl.add("connman.service", running("connman.service", "/usr/sbin/connmand -n", 603))
    seen = found(systemctl, proc, tmp_path)
    assert (seen.services, seen.processes) == ((), ())
    assert set(map(str, seen.suspects)) == {
        "/usr/sbin/connmand (pid 603, in connman.service): may set the clock",
        f"{tmp_path}/cron.d/clock: its lines set the clock",
        "/opt/vendor/clockd (pid 601, in clockd.service): may set the clock",
        "guest.service: conflicts with time daemons",
        "loop.service: its commands set the clock",
    }


LINES = [
    pytest.param("@reboot root /usr/sbin/ntpd -gq", True, id="ntpd, once"),
    pytest.param("@daily root service ntp stop; /usr/sbin/ntpd -g -q; service ntp start", True, id="ntpd, by hand"),
    pytest.param("@daily root busybox ntpd -q -p ntp1", True, id="busybox"),
    pytest.param("@daily root chronyd -f /etc/x.conf -q", True, id="chronyd, once"),
    pytest.param("[ -x /usr/sbin/ntpdate-debian ] && ntpdate-debian -s", True, id="ifupdown"),
    pytest.param("@daily root hwclock --utc --hctosys", True, id="from the clock in hardware"),
    pytest.param("@daily root hwclock -us", True, id="in short"),
    pytest.param('@daily root date -u -s "$(wget -qO- ntp1)"', True, id="date"),
    pytest.param('@daily root date --set="$(wget -qO- ntp1)"', True, id="date, in long"),
    pytest.param("@daily root timedatectl set-time 10:00", True, id="timedatectl"),
    pytest.param("@daily root systemctl restart ntpd", False, id="a service that is known by itself"),
    pytest.param("@daily root hwclock --utc --systohc", False, id="to the clock in hardware"),
    pytest.param("@daily root date -Is >>/var/log/x; date +%s; date -u -r /x", False, id="what time it is"),
    pytest.param("@daily root timedatectl show", False, id="a state"),
    pytest.param("  # ntpd -gq", False, id="a comment"),
]


@pytest.mark.parametrize(("line", "sets_clock"), LINES)
def test_a_line_that_sets_the_clock_is_named(
    line: str,
    sets_clock: bool,  # noqa: FBT001 -- a column of the table
    systemctl: Systemctl,
    proc: Proc,
    tmp_path: Path,
) -> None:
    (tmp_path / "cron.d").mkdir()
    (tmp_path / "hooks").mkdir()
    for folder in ("cron.d", "hooks"):
        (tmp_path / folder / "a").write_text(f"{line}\n")
    found_there = {suspect.name for suspect in found(systemctl, proc, tmp_path).suspects}
    assert found_there == ({f"{tmp_path}/cron.d/a", f"{tmp_path}/hooks/a"} if sets_clock else set())
