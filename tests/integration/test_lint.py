"""The lines that the rules of the lint find, put to a real chronyd."""

import subprocess
from pathlib import Path

import pytest

from provision.chrony.lint import lint
from provision.chrony.statement import statements
from tests.helpers.packaged_chronyd import Package, fetch, stop
from tests.helpers.waiting import await_true

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return fetch(tmp_path_factory.mktemp("chrony"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a chronyd: its socket has to be in a folder that others may not use."""
    inner = tmp_path / "run"
    inner.mkdir(mode=0o700)
    return inner


def options(folder: Path) -> list[str]:
    """Return lines that keep a chronyd away from the ports and files of this machine."""
    return ["user root", "cmdport 0", f"bindcmdaddress {folder}/chronyd.sock", f"pidfile {folder}/chronyd.pid"]


@pytest.mark.parametrize(
    ("rule", "conf", "said"),
    [
        ("nts.server-files", "local\nntsservercert /a.pem", "Uneven number of NTS certs and keys"),
        ("serve.limit-without-log", "local\nallow\nnoclientlog\nratelimit", "cannot be enabled with noclientlog"),
        ("clock.rtc-twice", "local\nrtcsync\nrtcfile rtc", "rtcfile directive cannot be used with rtcsync"),
    ],
)
def test_chronyd_ends_when_it_starts(package: Package, folder: Path, rule: str, conf: str, said: str) -> None:
    assert [advice.rule for advice in lint(list(statements(conf)))] == [rule]
    file = folder / "chrony.conf"
    file.write_text("\n".join([*options(folder), "port 0", conf, ""]))
    chronyd = package.root / "usr/sbin/chronyd"
    printed = subprocess.run([chronyd, "-p", "-f", file], capture_output=True, text=True, timeout=60, check=False)
    assert printed.returncode == 0, printed.stderr
    ran = subprocess.run(
        [chronyd, "-x", "-d", "-U", "-f", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode != 0
    assert said in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("rule", "conf", "said"),
    [
        ("source.twice", "local\nserver 127.0.0.1\nserver 127.0.0.1", "Could not add source 127.0.0.1"),
        ("auth.peer-with-nts", "local\npeer 127.0.0.1 nts", "NTS not supported with peers"),
        ("auth.key-missing", "local\nserver 127.0.0.1 key 7", "Key 7 is missing"),
        (
            "refclock.unknown-lock",
            "local\nrefclock SOCK a.sock refid A\nrefclock SOCK b.sock refid B lock GPS",
            "Invalid lock refid GPS",
        ),
        ("directive.no-longer-supported", "local\nlinux_hz 100", "linux_hz directive is no longer supported"),
    ],
)
def test_chronyd_logs_a_warning(package: Package, folder: Path, rule: str, conf: str, said: str) -> None:
    keys: list[int] = [1]
    assert [advice.rule for advice in lint(list(statements(conf)), keys)] == [rule]
    lines = [line.replace("SOCK ", f"SOCK {folder}/") for line in conf.splitlines()]
    (folder / "chrony.keys").write_text("1 SHA1 HEX:00112233445566778899AABBCCDDEEFF00112233\n")
    file = folder / "chrony.conf"
    file.write_text("\n".join([*options(folder), "port 0", f"keyfile {folder}/chrony.keys", *lines, ""]))
    log = folder / "chronyd.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [package.root / "usr/sbin/chronyd", "-x", "-d", "-U", "-f", file], stdout=output, stderr=output
        )
        try:
            await_true(lambda: said in log.read_text() or process.poll() is not None, f"chronyd does not say {said}")
        finally:
            stop(process)
    assert said in log.read_text()


def test_chronyd_raises_maxpoll_to_minpoll(package: Package, folder: Path) -> None:
    """The claim of source.polls, from chronyd's own table: both intervals are the larger one."""
    with package.chronyd(folder / "inner", "port 0", "server 127.0.0.1 maxpoll 4") as socket:
        listed = package.chronyc("-h", str(socket), "-c", "sources")
    assert listed.split(",")[4] == "6"
