"""The home folder of an operator who uses SSH."""

from pathlib import Path

import pytest

from tests.helpers.ssh_home import KEY, OTHER, RSA, write


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of an operator whose ssh is not installed, so that the configuration is read as everywhere."""
    ssh = tmp_path / ".ssh"
    ssh.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("provision.host.transport.ssh_config.shutil.which", lambda _: None)
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr("provision.host.transport.config_files.SYSTEM", tmp_path / "system")
    monkeypatch.setattr("provision.host.transport.hops.TRIES", 1)
    for name, key in (("key", KEY), ("other", OTHER), ("rsa", RSA)):
        write(ssh / name, key)
    write(ssh / "encrypted", KEY, password="secret")  # noqa: S106 -- of no use
    return ssh
