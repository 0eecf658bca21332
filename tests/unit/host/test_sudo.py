"""The password of sudo: where it comes from, and who is asked."""

import copy
import pickle

import pytest

from provision.common.errors import HostUnreachable
from provision.host.sudo import PASSWORD_VARIABLE, SudoPasswords
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.hosts_with_sudo import Hosts, Keyboard, ended


@pytest.mark.parametrize("given", ["correct horse", ""])
def test_a_given_password_is_that_of_each_login(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    hosts = Hosts(SudoPasswords(given), quiet=keyboard.quiet)
    assert [hosts.password("ntp1", login) for login in ("ntp", "ntp", "admin")] == [given] * 3
    assert hosts.received == [given] * 2
    assert keyboard.prompts == []


def test_a_person_is_asked_once_for_each_login(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    hosts = Hosts(SudoPasswords(None), quiet=keyboard.quiet)
    for login in ("ntp", "ntp", "admin", "ntp"):
        assert hosts.password("ntp1", login) == "correct horse"
    assert keyboard.prompts == ["sudo password of ntp: ", "sudo password of admin: "]


def test_a_person_is_asked_once_also_if_hosts_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    hosts = Hosts(SudoPasswords(None), "a", "b", quiet=keyboard.quiet)
    assert [hosts.error(name).partition(":")[0] for name in "abc"] == ["a", "b", "c"]
    assert keyboard.prompts == ["sudo password of ntp: "]


def test_a_pipeline_gets_the_name_of_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=False)
    with pytest.raises(HostUnreachable) as caught:
        Hosts(SudoPasswords(None)).password("ntp1")
    assert str(caught.value) == (
        "ntp1: sudo asks ntp for a password, and there is no terminal to ask at: "
        "set CHRONY_PROVISION_SUDO_PASSWORD, or allow ntp sudo without a password"
    )
    assert keyboard.prompts == []


def test_a_closed_standard_input_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(HostUnreachable, match="there is no terminal to ask at"):
        Hosts(SudoPasswords(None)).password("ntp1")


def test_no_password_is_asked_for_during_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    with pytest.raises(HostUnreachable, match="interrupted"):
        Hosts(SudoPasswords(None)).password("ntp1", check=ended)
    assert keyboard.prompts == []


def test_a_worker_has_the_password_of_the_job_and_does_not_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    why = "a worker cannot ask you"
    assert Hosts(SudoPasswords("correct horse", cannot_ask=why)).password("ntp1") == "correct horse"
    with pytest.raises(
        HostUnreachable,
        match=rf"^ntp1: sudo asks admin for a password, and a worker cannot ask you: set {PASSWORD_VARIABLE}",
    ):
        Hosts(SudoPasswords(None, cannot_ask=why)).password("ntp1", "admin")
    assert keyboard.prompts == []


def test_passwords_are_in_no_repr_and_are_not_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True)
    for passwords in (SudoPasswords("correct horse"), SudoPasswords(None)):
        with pytest.raises(TypeError, match=r"^the passwords of a command are not pickled"):
            pickle.dumps(passwords)
        Hosts(passwords, quiet=keyboard.quiet).password("ntp1")
        with pytest.raises(TypeError, match=r"^the passwords of a command are not pickled"):
            copy.deepcopy(passwords)
        assert_nowhere("correct horse", repr(passwords), repr(vars(passwords)["_logins"]))


def test_who_types_nothing_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard = Keyboard(monkeypatch, there=True, types=None)
    hosts = Hosts(SudoPasswords(None), quiet=keyboard.quiet)
    for name in ("ntp1", "ntp2"):
        with pytest.raises(HostUnreachable, match=f"^{name}: no password of ntp was entered$"):
            hosts.password(name)
    assert len(keyboard.prompts) == 1
    assert hosts.asked == []
