"""A password that is typed at a terminal is not shown, and nothing of it stays."""

import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest

from tests.helpers.booted_hosts import ROOT
from tests.helpers.waiting import await_true

AT_A_TERMINAL = """
import sys, threading
from provision.common.errors import HostUnreachable
from provision.host.terminal import read_without_echo

ending = threading.Event()

def check():
    if ending.is_set():
        raise HostUnreachable("interrupted")

if "end" in sys.argv:
    threading.Timer(1.5, ending.set).start()
try:
    print("typed", read_without_echo("password: ", check) == "correct horse", flush=True)
except HostUnreachable as error:
    print(error, flush=True)
"""


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def echoes(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def at_a_terminal(terminal: int, *words: str) -> subprocess.Popen[str]:
    """Have a process read a password, and return when the terminal shows no more what is typed."""
    process = subprocess.Popen(
        # With a terminal of its own, as a user has: the password is read from /dev/tty.
        ["setsid", "--ctty", sys.executable, "-c", AT_A_TERMINAL, *words],
        cwd=ROOT,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    await_true(lambda: not echoes(terminal), "the terminal goes on showing what is typed", every=0.01)
    return process


TYPED = [
    pytest.param(b"correct horse\n", "typed True\n", id="a password"),
    pytest.param(b"\x04", "typed False\n", id="Ctrl-D"),
    pytest.param(b"correct horse\x04", "typed True\n", id="Ctrl-D behind a password, which ends it"),
    pytest.param(b"corrext\x7f\x7fct horse\n", "typed True\n", id="a correction"),
    pytest.param(b"corr\xe8ct horse\n", "typed False\n", id="another encoding"),
]


@pytest.mark.parametrize(("keys", "said"), TYPED)
def test_what_is_typed_is_not_shown(keys: bytes, said: str, terminal: tuple[int, int]) -> None:
    keyboard, screen = terminal
    process = at_a_terminal(screen)
    os.write(keyboard, keys)
    assert process.communicate(timeout=60)[0] == said
    assert echoes(screen)
    shown = os.read(keyboard, 1000) if select.select([keyboard], [], [], 0)[0] else b""
    assert b"horse" not in shown


def test_an_interrupt_ends_the_wait_for_a_line_and_restores_the_terminal(
    terminal: tuple[int, int],
) -> None:
    _, screen = terminal
    process = at_a_terminal(screen, "end")
    assert process.communicate(timeout=60)[0] == "interrupted\n"
    assert process.returncode == 0
    assert echoes(screen)


def test_of_a_half_typed_password_nothing_stays_for_the_next_program(terminal: tuple[int, int]) -> None:
    keyboard, screen = terminal
    process = at_a_terminal(screen, "end")
    os.write(keyboard, b"correct")
    assert process.communicate(timeout=60)[0] == "interrupted\n"
    os.write(keyboard, b"ls\n")
    assert os.read(screen, 100) == b"ls\n"
