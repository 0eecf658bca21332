"""The folders of an account, also of one that has no home folder."""

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.common.files import account

FOLDERS = [
    pytest.param(account.cache_folder, "XDG_CACHE_HOME", ".cache/chrony-provision", id="cache"),
    pytest.param(account.config_folder, "XDG_CONFIG_HOME", ".config/chrony-provision", id="config"),
    pytest.param(account.state_folder, "XDG_STATE_HOME", ".local/state/chrony-provision", id="state"),
    pytest.param(account.log_folder, "XDG_STATE_HOME", ".local/state/chrony-provision/log", id="log"),
]


@pytest.fixture(autouse=True)
def without_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account as in some containers: HOME is not set, and its number is not in passwd."""
    monkeypatch.delenv("HOME", raising=False)

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.parametrize(("folder", "variable", "default"), FOLDERS)
def test_folders_are_in_the_home_folder(
    folder: Callable[[], Path], variable: str, default: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder() == tmp_path / default
    monkeypatch.setenv(variable, "/elsewhere")
    assert folder().is_relative_to("/elsewhere/chrony-provision")


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(("folder", "variable", "default"), FOLDERS)
def test_without_a_home_folder_the_variable_to_set_is_named(
    folder: Callable[[], Path], variable: str, default: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remedy = f"this account has no home folder: let HOME, or {variable}, name one as an absolute path"
    with pytest.raises(SiteError, match=f"^{remedy}$"):
        folder()
    monkeypatch.setenv(variable, "/elsewhere")
    assert folder() == Path("/elsewhere/chrony-provision") / ("log" if default.endswith("log") else "")


@pytest.mark.parametrize(("folder", "variable", "default"), FOLDERS)
def test_an_older_platformdirs_makes_no_folder_named_as_a_tilde(
    folder: Callable[[], Path], variable: str, default: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("user_cache_path", "user_config_path", "user_state_path", "user_log_path"):
        monkeypatch.setattr(account, name, lambda _: Path("~") / default)
    with pytest.raises(SiteError, match=f"let HOME, or {variable}, name one"):
        folder()


@pytest.mark.usefixtures("homeless")
def test_an_account_without_a_home_folder_has_one_that_does_not_exist() -> None:
    assert not account.home_folder().exists()


def test_the_home_folder_is_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert account.home_folder() == tmp_path
    monkeypatch.delenv("HOME")
    assert account.home_folder() == Path(pwd.getpwuid(os.getuid()).pw_dir)
