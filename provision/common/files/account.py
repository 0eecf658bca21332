"""Name the folders of the account that runs the tool, as the XDG base directory specification has them.

An account may have no home folder: the number of a user in a container need not be in passwd, and HOME may be unset.
"""

from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_log_path, user_state_path

from provision.common.errors import SiteError

NAME = "chrony-provision"
"""Our folder in each of them."""
NO_HOME = Path("/nonexistent")
"""Stands for a home folder that an account does not have, as in Debian's passwd."""


def home_folder() -> Path:
    """Return the home folder; ``NO_HOME`` if the account has none."""
    try:
        return Path.home()
    except RuntimeError:
        return NO_HOME


def cache_folder() -> Path:
    """Return the folder of tarballs, artifacts and sandboxes. Raises SiteError if the account has none."""
    return _folder(user_cache_path, "XDG_CACHE_HOME")


def config_folder() -> Path:
    """Return the folder of the default key file. Raises SiteError if the account has none."""
    return _folder(user_config_path, "XDG_CONFIG_HOME")


def state_folder() -> Path:
    """Return the folder of the record of failed hosts. Raises SiteError if the account has none."""
    return _folder(user_state_path, "XDG_STATE_HOME")


def log_folder() -> Path:
    """Return the folder of logs. Raises SiteError if the account has none."""
    return _folder(user_log_path, "XDG_STATE_HOME")


def _folder(find: Callable[[str], Path], variable: str) -> Path:
    try:
        folder = find(NAME)
    except RuntimeError:
        folder = Path()
    # Older platformdirs return "~/.cache" as it is, which would be a folder named "~" in the current one.
    if not folder.is_absolute():
        raise SiteError(f"this account has no home folder: let HOME, or {variable}, name one as an absolute path")
    return folder
