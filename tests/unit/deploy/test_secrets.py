"""The secrets of a command: where they come from, and that the context that holds them lets none out."""

import os
import pickle
from pathlib import Path

import pytest

from provision.deploy.secrets import secrets_of_command_line
from provision.host.sudo import PASSWORD_VARIABLE
from provision.keys.source import KeyFile
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.samples import KEYS, SECRET, write_keys


@pytest.mark.parametrize("password", ["correct horse", ""])
def test_a_command_line_has_the_password_and_its_environment_does_not(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, password)
    with secrets_of_command_line() as secrets:
        assert PASSWORD_VARIABLE not in os.environ
        assert secrets.passwords.given == password


def test_the_next_command_line_of_a_process_has_the_password_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "correct horse")
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), secrets_of_command_line() as secrets:
            assert secrets.passwords.given == "correct horse"
            raise KeyboardInterrupt


def test_without_a_password_the_environment_stays_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    with secrets_of_command_line() as secrets:
        assert secrets.passwords.given is None
    assert PASSWORD_VARIABLE not in os.environ


def test_no_secret_is_in_the_repr_and_nothing_is_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "correct horse")
    write_keys(tmp_path / "keys", KEYS)
    with secrets_of_command_line() as secrets:
        assert secrets.keys.keys(KeyFile(tmp_path / "keys")) == KEYS
        for secret in ("correct horse", SECRET):
            assert_nowhere(secret, repr(secrets))
        with pytest.raises(TypeError, match="are not pickled"):
            pickle.dumps(secrets)
