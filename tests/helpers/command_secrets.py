"""The secrets of a command that a test stands for."""

from typing import Any

from provision.deploy.control_machine import ControlMachine
from provision.deploy.secrets import Secrets
from provision.host.sudo import SudoPasswords
from provision.keys.reader import KeyReader


def make_secrets(password: str | None = None) -> Secrets:
    """Return secrets from which nothing was read yet; nobody can be asked for a password."""
    return Secrets(KeyReader(), SudoPasswords(password, cannot_ask="nobody sits at a test"))


def make_control(**more: Any) -> ControlMachine:
    """Return the control machine of a command."""
    return ControlMachine(secrets=make_secrets(), **more)
