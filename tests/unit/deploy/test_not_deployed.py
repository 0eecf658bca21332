"""What status and verify say of a host where nothing is deployed."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.build.evidence import sections
from provision.chrony.chronyc.serverstats import Requests
from provision.deploy.run import Run
from provision.deploy.status import status
from provision.deploy.verify import verify
from provision.host import scripts
from provision.host.transport import Output
from provision.output.existing import ExistingTime
from tests.helpers.samples import CASES
from tests.unit.deploy.conftest import Operator

CHRONY = """\
service=chrony.service
runs=yes
kind=chrony
version=chronyd (chrony) version 4.3 (+CMDMON)
service=ntpsec.service
runs=no
kind=ntpd
finished
"""


@pytest.fixture(autouse=True)
def nothing_there(operator: Operator) -> None:
    operator.host.answers["print_status"] = "==> not deployed\n"


def test_the_service_that_keeps_time_is_named(operator: Operator) -> None:
    operator.host.existing = CHRONY
    for operation in (status, verify):
        assert operator.run(operation).error == (
            "ntp1: nothing is deployed here; chrony.service (chrony 4.3) keeps time; inv deploy deploys"
        )


def asked(operator: Operator, existing: str, case: str, *, old: str = "", new: str = "") -> ExistingTime:
    """Return what status reports about a host with these services and these answers of them."""
    operator.host.existing = existing
    operator.host.answers["print_own_services"] = (CASES / "services" / f"{case}.txt").read_text().replace(old, new)
    report = operator.run(status)
    assert report.existing is not None
    return report.existing


CONFIGURED = CHRONY.replace(
    "service=ntpsec",
    """\
file=/etc/chrony/chrony.conf
>keyfile /etc/chrony/chrony.keys
file=/etc/chrony/conf.d/own.conf
keys=/etc/chrony/chrony.keys
>12 AES128
>13 MD5
service=ntpsec""",
)


@pytest.mark.parametrize("task", [status, verify])
def test_its_own_chronyd_is_shown_with_its_clock_sources_and_clients(
    operator: Operator, task: Callable[[Run], None], capsys: pytest.CaptureFixture[str]
) -> None:
    operator.host.existing = CONFIGURED
    operator.host.answers["print_own_services"] = (CASES / "services" / "chrony-3.5.1.txt").read_text()
    report = operator.run(task)
    assert report.error == (
        "ntp1: nothing is deployed here; chrony.service (chrony 4.3) keeps time, synchronised to 198.19.0.2, "
        "stratum 2, offset 2.82 µs; inv deploy deploys"
    )
    assert report.existing is not None
    (service,) = report.existing.services
    assert report.existing.ntp_port_open is False
    assert (service.configuration, service.key_ids) == ("/etc/chrony/chrony.conf", (12, 13))
    assert service.requests == Requests(received=0, dropped=0)
    assert "  198.19.0.2   selected    1        64 s  017    2 s ago" in capsys.readouterr().out


def test_it_takes_one_question_about_the_services_and_one_to_them(operator: Operator) -> None:
    operator.host.existing = CHRONY
    assert operator.run(status).round_trips == 4


def test_a_chronyd_without_a_source_is_not_synchronised(operator: Operator) -> None:
    (service,) = asked(operator, CHRONY, "chrony-4.3").services
    assert service.clock is not None
    assert not service.clock.synchronised
    error = operator.run(status).error
    assert error is not None
    assert error.endswith("keeps time, not synchronised; inv deploy deploys")


SILENT = [
    pytest.param("==> tracking\n", "==> tracking\n506 Cannot talk to daemon\n==> spare\n", id="chronyd is silent"),
    pytest.param("==> tracking\n", "==> spare\n", id="there is no chronyc"),
]


@pytest.mark.parametrize(("old", "new"), SILENT)
def test_of_a_chronyd_that_does_not_tell_nothing_is_known(operator: Operator, old: str, new: str) -> None:
    existing = asked(operator, CHRONY, "chrony-4.3", old=old, new=new)
    (service,) = existing.services
    assert (service.clock, service.sources, service.requests) == (None, None, None)
    assert existing.ntp_port_open is True
    error = operator.run(status).error
    assert error is not None
    assert error.endswith("chrony.service (chrony 4.3) keeps time; inv deploy deploys")


def test_counters_that_chronyc_may_not_see_are_unknown(operator: Operator) -> None:
    existing = asked(operator, CHRONY, "chrony-4.3", old="0,0,37,0,0,0,0,0,0,0,0", new="501 Not authorised")
    (service,) = existing.services
    assert (service.requests, service.sources is None) == (None, False)


def test_an_unknown_answer_of_chronyc_is_an_error_of_one_line(operator: Operator) -> None:
    operator.host.existing = CHRONY
    text = (CASES / "services" / "chrony-4.3.txt").read_text()
    operator.host.answers["print_own_services"] = text.replace("7F7F0101,,5,", "a,b")
    error = operator.run(status).error
    assert error is not None
    assert error.startswith("ntp1: chronyc tracking: unexpected answer 'a,b")


def test_an_answer_that_ends_early_is_an_error(operator: Operator) -> None:
    operator.host.existing = CHRONY
    operator.host.answers["print_own_services"] = "==> ntp port\nopen\n"
    assert operator.run(status).error == "ntp1: the answer is incomplete; the host may have been cut off"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of programs that stands before all others."""
    folder = tmp_path / "bin"
    folder.mkdir(mode=0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_the_script_asks_each_program_that_runs_and_no_other(programs: Path) -> None:
    for name in ("chronyc", "timedatectl"):
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "{name} $*"\n')
        program.chmod(0o755)
    said = {}
    for asked_for in ("", "chrony systemd-timesyncd"):
        script = scripts.load("print_own_services", asked_for)
        done = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True, timeout=60)
        said[asked_for] = sections(done.stdout)
    assert list(said[""]) == ["ntp port", "finished"]
    whole = dict(said["chrony systemd-timesyncd"])
    assert whole.pop("ntp port") in {"open", "closed", "unknown"}
    assert whole == {
        **{name: f"chronyc -c -n {name}" for name in ("tracking", "sources", "authdata", "ntpdata", "serverstats")},
        "names": "chronyc -c -N sources",
        "timesync-status": "timedatectl --no-pager timesync-status",
        "finished": "",
    }


TWO = CHRONY.replace("service=ntpsec.service\nruns=no\nkind=ntpd", "service=other.service\nruns=yes\nkind=chrony")


def test_of_two_daemons_of_one_program_the_answering_one_is_unknown(operator: Operator) -> None:
    services = asked(operator, TWO, "chrony-4.3").services
    assert [(service.name, service.clock, service.sources) for service in services] == [
        ("chrony.service", None, None),
        ("other.service", None, None),
    ]


OTHERS = [
    pytest.param("ntpd", "ntpd-4.2.8", 4, id="ntpd"),
    pytest.param("timesyncd", "timesyncd-252", 1, id="systemd-timesyncd"),
    pytest.param("openntpd", "chrony-4.3", None, id="a program that is not asked"),
    pytest.param("ntpd", "timesyncd-252", None, id="ntpd without ntpq"),
    pytest.param("timesyncd", "ntpd-4.2.8", None, id="systemd-timesyncd without timedatectl"),
]


@pytest.mark.parametrize(("kind", "case", "count"), OTHERS)
def test_the_sources_of_other_programs_are_shown(operator: Operator, kind: str, case: str, count: int | None) -> None:
    (service,) = asked(operator, f"service=x.service\nruns=yes\nkind={kind}\nfinished\n", case).services
    found = None
    if service.sources is not None:
        found = len(service.sources)
    assert (found, service.clock, service.requests) == (count, None, None)


def test_ntpq_without_an_answer_has_no_sources_to_tell(operator: Operator) -> None:
    existing = asked(
        operator, "service=x\nruns=yes\nkind=ntpd\nfinished\n", "ntpd-4.2.8", old="====", new="***Request timed out"
    )
    (service,) = existing.services
    assert service.sources is None


def test_several_services_are_named(operator: Operator) -> None:
    operator.host.existing = CHRONY.replace("runs=no", "runs=yes")
    error = operator.run(status).error
    assert error is not None
    assert "chrony.service (chrony 4.3) and ntpsec.service (ntpd) keep time" in error


def test_a_host_that_gives_no_answer_gets_the_command_that_deploys(operator: Operator) -> None:
    operator.host.answers["print_existing"] = Output(1, "", "systemctl: not found\n")
    assert operator.run(status).error == "ntp1: nothing is deployed here; inv deploy deploys"


def test_a_service_cannot_write_to_the_terminal(operator: Operator) -> None:
    operator.host.existing = CHRONY.replace("chrony.service", "chrony\x1b[2J.service")
    error = operator.run(status).error
    assert error is not None
    assert "\x1b" not in error
