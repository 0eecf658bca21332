"""Find the servers of a site that share the keys of their cookies (serve.nts.shared_keys)."""

from collections import defaultdict
from collections.abc import Iterable

from provision.common.errors import SiteError
from provision.keys.source import KeyFile
from provision.site.inventory import Inventory


def choose_shared(inventory: Inventory, hosts: Iterable[str]) -> tuple[KeyFile, tuple[str, ...]]:
    """Return the file of shared keys of the site, or of these hosts and groups, and the names of all its servers.

    Raises SiteError if there is none, or more than one.
    """
    found: dict[KeyFile, list[str]] = defaultdict(list)
    commands: list[str] = []
    for member in inventory.members:
        nts = member.site.serve.nts
        if nts is not None and nts.shared_keys is not None:
            found[KeyFile(nts.shared_keys)].append(member.name)
        elif nts is not None and nts.shared_keys_command is not None:
            commands.append(member.name)
    names = {member.name for member in inventory.choose(tuple(hosts))}
    chosen = {file: users for file, users in found.items() if names.intersection(users)}
    if not chosen:
        if names.intersection(commands):
            raise SiteError(f"{inventory.file}: the shared keys come from a command: change them at their source")
        raise SiteError(f"{inventory.file}: no server shares keys of NTS (serve.nts.shared_keys)")
    if len(chosen) > 1:
        several = "; ".join(f"{file.name}: {', '.join(users)}" for file, users in chosen.items())
        raise SiteError(f"{inventory.file}: there are several files of shared keys: say --host ({several})")
    ((file, users),) = chosen.items()
    return file, tuple(users)
