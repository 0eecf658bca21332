"""How few hosts ever see a wrong password of sudo: one tries it, and the others wait."""

import threading
import time
from contextlib import nullcontext, suppress

import pytest

from provision.common.errors import HostUnreachable
from provision.host.sudo import SudoPasswords
from tests.helpers.hosts_with_sudo import Hosts, ended, going_on


def test_what_one_host_has_taken_is_not_tried_on_others() -> None:
    hosts = Hosts(SudoPasswords("correct horse"))
    assert [hosts.error(name) for name in "abc"] == ["", "", ""]
    assert hosts.asked == ["a"]


def test_what_two_hosts_refused_is_sent_to_no_other() -> None:
    hosts = Hosts(SudoPasswords("correct horse"), *"abcd")
    not_tried = "the sudo password of ntp was not tried here: a and b refused it"
    assert [hosts.error(name) for name in "abcd"] == ["a: refused", "b: refused", f"c: {not_tried}", f"d: {not_tried}"]
    assert hosts.asked == ["a", "b"]


def test_one_host_with_another_password_does_not_keep_the_rest_from_theirs() -> None:
    hosts = Hosts(SudoPasswords("correct horse"), "a")
    assert [hosts.error(name) for name in "abc"] == ["a: refused", "", ""]


def test_each_login_has_a_password_of_its_own() -> None:
    hosts = Hosts(SudoPasswords("correct horse"), "a", "b")
    assert [hosts.error(name) for name in "ab"] == ["a: refused", "b: refused"]
    assert hosts.error("c", "admin") == ""


def test_a_connection_that_is_lost_says_nothing_of_the_password() -> None:
    passwords = SudoPasswords("correct horse")

    def lost(_: str) -> None:
        raise HostUnreachable("the connection was lost")

    for _ in range(3):
        with pytest.raises(HostUnreachable, match="lost"):
            passwords.accepted("a", "ntp", lost, quiet=nullcontext, check=going_on)
    assert Hosts(passwords).error("b") == ""


class Slow:
    """A host whose sudo answers late, and the thread that tries the password there."""

    def __init__(self, passwords: SudoPasswords) -> None:
        self._passwords = passwords
        self._begun, self._may_end = threading.Event(), threading.Event()
        self._is_lost = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._begun.wait(60)

    def _run(self) -> None:
        with suppress(HostUnreachable):
            self._passwords.accepted("a", "ntp", self._attempt, quiet=nullcontext, check=going_on)

    def _attempt(self, _: str) -> None:
        self._begun.set()
        assert self._may_end.wait(60)
        if self._is_lost:
            raise HostUnreachable("the connection was lost")

    def end(self) -> None:
        self._may_end.set()
        self._thread.join(60)

    def lose_connection(self) -> None:
        self._is_lost = True
        self.end()


def test_of_hosts_that_come_at_once_one_tries_and_the_others_wait() -> None:
    hosts = Hosts(SudoPasswords("correct horse"))
    slow = Slow(hosts.passwords)
    others = [threading.Thread(target=hosts.password, args=(name,)) for name in "bc"]
    for other in others:
        other.start()
    time.sleep(0.2)
    assert all(other.is_alive() for other in others)
    # Another login is not held up.
    assert hosts.password("d", "admin") == "correct horse"
    slow.end()
    for other in others:
        other.join(60)
    assert hosts.asked == ["d"]


def test_after_an_interruption_who_waited_for_another_host_tries_nothing() -> None:
    hosts, interrupted = Hosts(SudoPasswords("correct horse")), threading.Event()
    slow = Slow(hosts.passwords)
    errors: list[str] = []

    def check() -> None:
        if interrupted.is_set():
            raise HostUnreachable("interrupted")

    def wait(name: str) -> None:
        try:
            hosts.password(name, check=check)
        except HostUnreachable as error:
            errors.append(str(error))

    others = [threading.Thread(target=wait, args=(name,)) for name in "bc"]
    for other in others:
        other.start()
    interrupted.set()
    slow.lose_connection()
    for other in others:
        other.join(60)
    assert (hosts.asked, errors) == ([], ["interrupted"] * 2)


def test_nothing_is_tried_when_all_is_to_end() -> None:
    hosts = Hosts(SudoPasswords("correct horse"))
    with pytest.raises(HostUnreachable, match="interrupted"):
        hosts.password("a", check=ended)
    assert hosts.asked == []
