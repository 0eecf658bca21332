"""Name the files of the SSH configuration."""

import os
from pathlib import Path

from provision.common.errors import HostUnreachable
from provision.common.files.account import home_folder

SYSTEM = Path("/etc/ssh/ssh_config")
CONFIG_VARIABLE = "CHRONY_PROVISION_SSH_CONFIG"
"""The environment variable that names the only configuration file to read, as the option -F of ssh does."""


def config_files(name: str) -> tuple[Path, ...]:
    """Return the files of the configuration; of several values, that of the first file holds. Raises HostUnreachable.

    ``name``: the host, for messages.
    """
    named = named_file(name)
    if named is not None:
        return (named,)
    return home_folder() / ".ssh/config", SYSTEM


def named_file(name: str) -> Path | None:
    """Return the file that the environment names. Raises HostUnreachable if it cannot be read."""
    named = os.environ.get(CONFIG_VARIABLE)
    if not named:
        return None
    file = Path(named).absolute()
    try:
        file.open("rb").close()
    except OSError as error:
        raise HostUnreachable(f"{name}: {CONFIG_VARIABLE} names {file}: {error.strerror}") from error
    return file
