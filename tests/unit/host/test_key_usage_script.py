"""The script that counts the use of keys on a host, with an nft and a clock that the test answers for."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from provision.host import scripts

NOW = 1_800_000_000
DAY = 86_400
KEPT = 400 * DAY
HOUR = 3600
NFT = """#!/bin/sh
case $* in
    *"list chain"*) [ -e loaded ] ;;
    *"list set"*) cat answer ;;
    *"-c -f"*) exit 0 ;;
    *"-f "*) cp "$2" table; : >loaded ;;
esac
"""


@dataclass
class Host:
    """A folder with the programs that the script calls."""

    folder: Path

    def __post_init__(self) -> None:
        self._program("nft", NFT)
        self.kernel({})
        (self.folder / "loaded").touch()
        self.set_clock(NOW, up=30 * DAY)

    def _program(self, name: str, text: str) -> None:
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o755)

    def set_clock(self, now: int, *, up: int) -> None:
        self._program("date", f"#!/bin/sh\necho {now}\n")
        (self.folder / "uptime").write_text(f"{up}.12 99.00\n")

    def kernel(self, ages: dict[int, int]) -> None:
        """Let the kernel have answered keys so many seconds ago."""
        elements = [
            f'{{"elem": {{"val": {id_}, "expires": {KEPT - age}, "counter": {{"packets": 3, "bytes": 0}}}}}}'
            for id_, age in ages.items()
        ]
        listed = f', "elem": [{", ".join(elements)}]' if elements else ""
        self.answer(f'{{"nftables": [{{"metainfo": {{}}}}, {{"set": {{"name": "seen"{listed}}}}}]}}')

    def answer(self, text: str) -> None:
        (self.folder / "answer").write_text(text)

    def disk(self, since: int, saved: int) -> None:
        (self.folder / "key-usage").write_text(f"since {since}\nsaved {saved}\n")

    def boot(self) -> None:
        (self.folder / "loaded").unlink(missing_ok=True)

    def run(self, verb: str, *, status: int = 0) -> str:
        text = scripts.text("key_usage").replace("PATH=/usr/sbin:", f"PATH={self.folder}:/usr/sbin:")
        text = text.replace("/var/lib/chrony-provision", str(self.folder)).replace("/proc/uptime", "uptime")
        words = ["dash", "-s", verb]
        done = subprocess.run(
            words, input=text, cwd=self.folder, capture_output=True, text=True, check=False, env={**os.environ}
        )
        assert done.returncode == status, done.stderr
        return done.stdout

    def since(self) -> int:
        return int((self.folder / "key-usage").read_text().split()[1])


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_counts_and_the_beginning_of_counting_are_printed(host: Host) -> None:
    host.disk(NOW - 90 * DAY, NOW - HOUR)
    host.kernel({7: 500, 9: 30 * DAY})
    expected = f"since {NOW - 90 * DAY}\nsaved {NOW}\n7 3 {NOW - 500}\n9 3 {NOW - 30 * DAY}\n"
    assert host.run("print") == expected
    host.run("save")
    assert (host.folder / "key-usage").read_text() == expected


def test_an_element_that_is_not_understood_is_an_error_for_its_key_would_seem_unused(host: Host) -> None:
    host.answer('{"set": {"elem": [{"elem": {"val": 7, "counter": {"packets": 3, "bytes": 0}, "expires": 5}}]}}')
    host.run("print", status=1)
    host.answer('{"set": {"elem": [{"elem":{"val":7,"expires":5,"counter":{"packets":3,"bytes":0}}}]}}')
    host.run("print", status=1)


def test_a_boot_keeps_the_beginning(host: Host) -> None:
    host.disk(NOW - 90 * DAY, NOW - 300)
    host.boot()
    host.set_clock(NOW, up=20)
    host.run("load")
    assert host.since() == NOW - 90 * DAY


def test_counting_begins_anew_if_it_was_stopped_for_days_before_a_boot(host: Host) -> None:
    host.disk(NOW - 90 * DAY, NOW - 20 * DAY)
    host.boot()
    host.set_clock(NOW, up=20)
    host.run("load")
    assert host.since() == NOW


def test_a_clock_that_was_behind_does_not_make_the_beginning_older(host: Host) -> None:
    host.set_clock(NOW - 40 * DAY, up=DAY)
    host.run("load")
    assert host.since() == NOW - 40 * DAY
    host.set_clock(NOW, up=DAY + 60)
    assert host.run("print").startswith(f"since {NOW}\n")
    host.run("save")
    assert host.since() == NOW


def test_a_clock_that_was_ahead_at_a_boot_does_not_make_used_keys_unused(host: Host) -> None:
    host.disk(NOW - 90 * DAY, NOW - 300)
    host.boot()
    host.set_clock(NOW + 365 * DAY, up=20)
    host.run("load")
    # The elements were put back with the ages of that clock.
    host.set_clock(NOW, up=3 * HOUR)
    host.run("save")
    assert host.since() == NOW


def test_a_host_without_a_battery_keeps_the_beginning_over_a_boot(host: Host) -> None:
    host.disk(NOW - 90 * DAY, NOW - 300)
    host.boot()
    host.set_clock(NOW - 700 * DAY, up=20)
    host.run("load")
    assert host.since() == NOW - 90 * DAY
    host.set_clock(NOW + 60, up=80)
    host.run("save")
    assert host.since() == NOW - 90 * DAY


def test_a_clock_that_stays_behind_for_hours_loses_the_beginning(host: Host) -> None:
    host.disk(NOW - 90 * DAY, NOW - 300)
    host.boot()
    host.set_clock(NOW - 700 * DAY, up=20)
    host.run("load")
    host.set_clock(NOW - 700 * DAY + 3 * HOUR, up=3 * HOUR)
    host.run("save")
    host.set_clock(NOW, up=3 * HOUR + 60)
    host.run("save")
    assert host.since() == NOW


def test_answers_to_clients_that_ask_as_peers_are_counted(host: Host) -> None:
    host.boot()
    host.run("load")
    rules = (host.folder / "table").read_text()
    # chronyd answers mode 1 with mode 2 (ntp_core.c, NCR_ProcessRxUnknown), with the key of the request.
    assert 'udp sport 123 oifname != "lo" @th,69,3 2 jump mac' in rules
