"""Determine the key source of a host."""

from provision.common.files.account import config_folder
from provision.keys.source import KeyCommand, KeyFile, KeySource
from provision.site.schema import Site


def source_of(site: Site) -> KeySource:
    """Return the key source of a host: a command, a key file of the site, or the default key file."""
    if site.keys.command is not None:
        return KeyCommand(site.keys.command, site.keys.command.words, site.keys.command.folder)
    return KeyFile(site.keys.file or config_folder() / "chrony.keys")
