"""A sudo password for several hosts: typed once, left with Ctrl-C, a wrong one sent to few; and to a cluster."""

import os
import pty
import select
import shutil
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from provision.host.sandbox.sandbox import Sandbox
from provision.host.sudo import MOST_REFUSALS, PASSWORD_VARIABLE
from tests.helpers.booted_hosts import ROOT, assert_nowhere, booted, login
from tests.helpers.dask_cluster import DaskCluster, dask_cluster
from tests.helpers.operators import Operator

pytestmark = pytest.mark.integration

PASSWORD = "correct horse"  # noqa: S105 -- on a host that nobody else reaches
CTRL_C = b"\x03"
NAMES = ("one", "two", "three", "four")
WORKERS = ("first", "second")
HOSTS = [word for name in NAMES for word in ("--host", name)]


@pytest.fixture(scope="module")
def host() -> Iterator[Sandbox]:
    """A host whose administrator has to give sudo a password."""
    with booted("it-typed") as made:
        login(made, f"useradd -m admin && echo 'admin:{PASSWORD}' | chpasswd")
        (made.root / "etc/sudoers.d/admin").write_text("Defaults timestamp_timeout=0\nadmin ALL=(ALL) ALL\n")
        yield made


@pytest.fixture
def operator(host: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """An operator who knows it by several names."""
    one = Operator(tmp_path_factory.mktemp("operator"))
    one.meet(host, "admin")
    config = f"Host {' '.join(NAMES)}\n  HostName {host.address}\n  User admin\n"
    (one.known_hosts.parent / "config").write_text(config)
    return one


class Terminal:
    """A terminal, and what was printed on it."""

    def __init__(self) -> None:
        self.keyboard, self.screen = pty.openpty()
        self.shown = ""

    def read(self, seconds: float) -> None:
        """Take in what is printed within some seconds."""
        while select.select([self.keyboard], [], [], seconds)[0]:
            self.shown += os.read(self.keyboard, 4096).decode(errors="replace")
            seconds = 0

    def await_text(self, text: str) -> None:
        """Wait until this was printed."""
        deadline = time.monotonic() + 60
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            self.read(0.1)

    def end(self, process: subprocess.Popen[bytes], seconds: float) -> int:
        """Return the exit status of what runs at it; it must end in so many seconds."""
        deadline = time.monotonic() + seconds
        while process.poll() is None:
            assert time.monotonic() < deadline, f"it runs on after {seconds} s:\n{self.shown}"
            self.read(0.1)
        self.read(0)
        return process.returncode

    @property
    def echoes(self) -> bool:
        """Whether what is typed is shown."""
        return bool(termios.tcgetattr(self.screen)[3] & termios.ECHO)


@contextmanager
def asked(
    operator: Operator, words: Sequence[str] = ("plan", *HOSTS)
) -> Iterator[tuple[Terminal, "subprocess.Popen[bytes]"]]:
    """Begin a command line, a plan for all hosts, up to the question for the password."""
    terminal = Terminal()
    process = subprocess.Popen(
        # It is the terminal of a session of its own, as a user's is: the password is read from /dev/tty.
        ["setsid", "--ctty", sys.executable, "-m", "invoke", *words],
        cwd=ROOT,
        env=operator.environment,
        stdin=terminal.screen,
        stdout=terminal.screen,
        stderr=terminal.screen,
    )
    try:
        terminal.await_text("sudo password of admin: ")
        yield terminal, process
    finally:
        process.kill()
        process.wait()
        os.close(terminal.keyboard)
        os.close(terminal.screen)


def refusals(host: Sandbox) -> int:
    """Return how often the host's PAM has seen a wrong password."""
    said = login(host, "journalctl --sync; journalctl -q -o cat -t sudo")
    return sum("authentication failure" in line for line in said.splitlines())


def test_it_is_typed_once_for_all_hosts_of_a_login(operator: Operator) -> None:
    with asked(operator) as (terminal, process):
        os.write(terminal.keyboard, f"{PASSWORD}\n".encode())
        assert terminal.end(process, 60) == 3, terminal.shown
    assert terminal.shown.count("sudo password of admin") == 1
    assert_nowhere(PASSWORD, terminal.shown, operator.home)


def test_it_is_typed_once_for_all_tasks_of_a_command_line(operator: Operator) -> None:
    with asked(operator, ("history", "--host", "one", "history", *HOSTS)) as (terminal, process):
        os.write(terminal.keyboard, f"{PASSWORD}\n".encode())
        assert terminal.end(process, 60) == 0, terminal.shown
    assert terminal.shown.count("sudo password of admin") == 1
    assert f"{len(NAMES)} hosts: {len(NAMES)} ok" in terminal.shown
    assert_nowhere(PASSWORD, terminal.shown, operator.home)


def test_ctrl_c_while_it_is_asked_for_ends_it_at_once(operator: Operator) -> None:
    with asked(operator) as (terminal, process):
        assert not terminal.echoes
        os.write(terminal.keyboard, CTRL_C)
        assert terminal.end(process, 15) == 130, terminal.shown
        assert terminal.echoes
    assert "Traceback" not in terminal.shown


def test_a_wrong_one_is_sent_to_few_hosts_and_once_to_each(host: Sandbox, operator: Operator) -> None:
    before = refusals(host)
    ran = operator.run("plan", *HOSTS, **{PASSWORD_VARIABLE: "wrong horse"})
    assert ran.status == 2, ran
    errors = sorted(report["error"] for report in ran.reports)
    assert sum("sudo refused the password" in error for error in errors) == MOST_REFUSALS
    assert sum("was not tried here" in error for error in errors) == len(NAMES) - MOST_REFUSALS
    assert refusals(host) - before == MOST_REFUSALS
    assert_nowhere("wrong horse", ran.output, ran.errors, operator.home)


@pytest.fixture
def staff(operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A cluster whose workers log in as the operator does."""
    pytest.importorskip("distributed")
    # A worker does not make the first keys.
    assert operator.run_plainly("keys.add").status == 0
    with dask_cluster(tmp_path_factory.mktemp("cluster")) as made:
        for name in WORKERS:
            shutil.copytree(operator.known_hosts.parent, made.home(name) / ".ssh")
        made.start_workers(*WORKERS)
        yield made


def test_workers_use_it_and_keep_it_nowhere(operator: Operator, staff: DaskCluster) -> None:
    ran = operator.run("plan", *HOSTS, f"--scheduler={staff.address}", **{PASSWORD_VARIABLE: PASSWORD})
    assert ran.status == 3, ran
    assert_nowhere(PASSWORD, ran.output, ran.errors, operator.home, staff.folder)


def test_workers_do_not_ask_for_it(operator: Operator, staff: DaskCluster) -> None:
    ran = operator.run("plan", *HOSTS, f"--scheduler={staff.address}")
    assert ran.status == 2, ran
    assert len(ran.reports) == len(NAMES)
    assert all(f"set {PASSWORD_VARIABLE}" in report["error"] for report in ran.reports)


def test_workers_send_a_wrong_one_once_to_each_host(host: Sandbox, operator: Operator, staff: DaskCluster) -> None:
    before = refusals(host)
    ran = operator.run("plan", *HOSTS, f"--scheduler={staff.address}", **{PASSWORD_VARIABLE: "wrong horse"})
    assert ran.status == 2, ran
    assert len(ran.reports) == len(NAMES)
    assert all("sudo refused the password" in report["error"] for report in ran.reports)
    assert refusals(host) - before == len(NAMES)
    assert_nowhere("wrong horse", ran.output, ran.errors, operator.home, staff.folder)
