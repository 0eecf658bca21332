"""The files of the SSH configuration: in the home folder and of the system, or the one that the environment names."""

import pwd
import shutil
from pathlib import Path

import pytest

from provision.common.errors import HostUnreachable
from provision.host.transport.config_files import CONFIG_VARIABLE
from provision.host.transport.ssh_config import read_settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("provision.host.transport.config_files.SYSTEM", tmp_path / "system")
    (tmp_path / ".ssh").mkdir()
    return tmp_path


@pytest.fixture
def without_ssh(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(home))
    return home / ".ssh/config"


HOMES = ["passwd", "environment"]
"""Where the home folder stands: ssh reads passwd alone."""
READERS = [
    pytest.param("", id="Paramiko"),
    pytest.param("/usr/bin:/bin", id="ssh", marks=pytest.mark.skipif(shutil.which("ssh") is None, reason="needs ssh")),
]


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize("homes", HOMES)
def test_a_configuration_that_the_environment_names_is_the_only_one(
    path: str, homes: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path or str(home))
    if homes == "passwd":
        monkeypatch.delenv("HOME")
    (home / ".ssh/config").write_text("Port 2222\n")
    (home / "system").write_text("Port 2222\n")
    (home / "a job").mkdir()
    named = home / "a job/ssh_config"
    named.write_text(f'User op\nIdentityFile "{home}/a job/key"\nUserKnownHostsFile "{home}/a job/known"\n')
    monkeypatch.chdir(home)
    monkeypatch.setenv(CONFIG_VARIABLE, "a job/ssh_config")
    settings = read_settings("ntp1")
    assert (settings.user, settings.port) == ("op", 22)
    assert settings.identities == (home / "a job/key",)
    assert settings.user_files == (home / "a job/known",)


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize("homes", HOMES)
def test_a_configuration_that_cannot_be_read_is_named_with_its_variable(
    path: str, homes: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path or str(home))
    if homes == "passwd":
        monkeypatch.delenv("HOME")
    monkeypatch.setenv(CONFIG_VARIABLE, "/no/ssh_config")
    with pytest.raises(HostUnreachable) as refused:
        read_settings("ntp1")
    assert str(refused.value) == f"ntp1: {CONFIG_VARIABLE} names /no/ssh_config: No such file or directory"


def test_an_account_without_a_name_and_a_home_folder(without_ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "LOGNAME", "USER", "LNAME", "USERNAME"):
        # Set first, or a name that is set meanwhile would stay.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    named = without_ssh.with_name("named")
    named.write_text("Host ntp1\n  User op\nHost ntp3\n  IdentityFile /%u\nHost *\n  IdentityFile /job/%n/key\n")
    monkeypatch.setenv(CONFIG_VARIABLE, str(named))
    assert read_settings("ntp1").user == "op"
    assert read_settings("ntp1").identities == (Path("/job/ntp1/key"),)
    for _ in range(2):
        with pytest.raises(HostUnreachable, match=r"^ntp2: this account has no name to log in with; say USER@ntp2"):
            read_settings("ntp2")
    assert read_settings("ntp2", user="root").user == "root"
    with pytest.raises(HostUnreachable, match=r"^ntp3: the SSH configuration has identityfile '/%u': %u has no value$"):
        read_settings("ntp3", user="root")
