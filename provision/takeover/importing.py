"""Make a site file and a key file from the time services of hosts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from provision.chrony.conf import source_key
from provision.chrony.releases import DEFAULT_CHRONY, DEFAULT_NETTLE, check_fit
from provision.common.errors import SiteError
from provision.common.results import Fate, Remark
from provision.keys import Keys
from provision.site.decode import Tree
from provision.takeover import key_files, merge
from provision.takeover.existing import ExistingService, Program
from provision.takeover.site_text import site_text
from provision.takeover.to_site import tree_of
from provision.takeover.translation import OTHERS, Translated, translated

KEY_FILE = "chrony.keys"
_HEADING = ("Imported from what the hosts had; inv plan shows what a deployment would change.",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedHost:
    """Hold the result of an import from one host."""

    name: str
    """As the command line names it."""
    program: str
    version: str
    remarks: tuple[Remark, ...]
    key_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Hold the files of a site, and the fate of each line."""

    site: str
    """The text of the site file."""
    keys: Keys = field(repr=False)
    """Empty if no host has any."""
    comments: Mapping[int, Sequence[str]] = field(repr=False)
    """The lines of the comment above a key, by the id of the key."""
    hosts: tuple[ImportedHost, ...]

    @property
    def key_lines(self) -> str:
        """Return the text of the key file, with the secrets."""
        lines = []
        for key in self.keys:
            lines += [*self.comments.get(key.id, ()), key.line]
        return "".join(f"{line}\n" for line in lines)


Services = Mapping[str, Sequence[ExistingService]]
"""The time services of each host, those that run first; at least one for each host."""


def unsupported(services: Services) -> str | None:
    """Return why a host cannot be imported, and the remedy; None if all can."""
    for host, all_ in services.items():
        if all(service.program in OTHERS for service in all_):
            return (
                f"{host}: {OTHERS[all_[0].program]} keeps the time, and its configuration cannot be imported: write "
                "its servers into time.servers of a site file by hand (docs/site.md)"
            )
    return None


def imported(services: Services, *, is_site: bool = True, chrony: str = DEFAULT_CHRONY) -> Import:
    """Return the files of a site with these hosts. Raises SiteError, also for a host without a program to import.

    Of each host, the first service of a program that can be imported is used. Without ``is_site``, the services are of
    files of this machine, and the site lists no hosts.
    """
    check_fit(chrony, DEFAULT_NETTLE)
    chosen = {host: _chosen(host, all_) for host, all_ in services.items()}
    found_keys = {host: key_files.keys_of(service) for host, (service, _) in chosen.items()}
    keys = key_files.merged(found_keys)
    trees: dict[str, Tree] = {}
    hosts = []
    for host, (service, translation) in chosen.items():
        trees[host], remarks = _tree(host, translation, chrony)
        found = found_keys[host]
        remarks = (
            *remarks,
            *found.remarks,
            *_about_files(service),
            *_about_keys(trees[host], found.ids, keys),
            *_about_unit(service),
            *_about_others(service, services[host]),
        )
        hosts.append(_imported_host(host, service, remarks, found.ids))
    common = _common(chrony, has_keys=bool(keys) or any(_named_keys(tree) for tree in trees.values()))
    if is_site:
        site = merge.site_of(trees, common)
    else:
        site = {**common, **next(iter(trees.values()), {})}
    comments = {id_: lines for found in found_keys.values() for id_, lines in found.comments.items()}
    return Import(site=site_text(_in_order(site), _HEADING), keys=keys, comments=comments, hosts=tuple(hosts))


def _chosen(host: str, services: Sequence[ExistingService]) -> tuple[ExistingService, Translated]:
    """Return the first service that can be imported, and its translation."""
    for service in services:
        translation = translated(service)
        if translation is not None:
            return service, translation
    raise SiteError(f"{host}: no time service that can be imported")


def _tree(host: str, translation: Translated, chrony: str) -> tuple[Tree, tuple[Remark, ...]]:
    try:
        return tree_of(translation, chrony=chrony)
    except SiteError as error:
        raise SiteError(f"{host}: {error}") from error


def _imported_host(
    name: str, service: ExistingService, remarks: tuple[Remark, ...], ids: tuple[int, ...]
) -> ImportedHost:
    files = [file.path for file in service.files]

    def place(remark: Remark) -> tuple[int, int]:
        """Return the number of a file and that of a line; remarks about no single line come last."""
        path, _, line = remark.place.rpartition(":")
        if path not in files or not line.isdecimal():
            return len(files), 0
        return files.index(path), int(line)

    return ImportedHost(
        name=name,
        program=service.program.value,
        version=service.version,
        remarks=tuple(sorted(remarks, key=place)),
        key_ids=ids,
    )


def _common(chrony: str, *, has_keys: bool) -> Tree:
    """Return the settings of all hosts."""
    common: Tree = {}
    if chrony != DEFAULT_CHRONY:
        common["release"] = {"chrony": chrony}
    if has_keys:
        common["keys"] = {"file": KEY_FILE}
    return common


def _about_files(service: ExistingService) -> tuple[Remark, ...]:
    why = "not readable, too large or one of too many: what it says is not in the site file"
    places = service.unread
    if not service.files and not service.unread and service.program is not Program.TIMESYNCD:
        why = "its configuration file was not found: what it says is not in the site file"
        places = (service.name,)
    return tuple(Remark(fate=Fate.LOST, place=path, line="all of it", why=why) for path in places)


def _about_unit(service: ExistingService) -> Iterator[Remark]:
    """Yield a remark about each line of an administrator's unit that the deployed unit does not have."""
    why = "the deployment has a unit of its own; write it into a drop-in of chronyd.service"
    if service.own_unit:
        yield Remark(fate=Fate.LOST, place=service.own_unit, line="the whole unit", why=why)
    for place, setting in service.lost_settings:
        yield Remark(fate=Fate.LOST, place=place, line=setting, why=why)


def _about_others(service: ExistingService, services: Sequence[ExistingService]) -> tuple[Remark, ...]:
    why = f"only {service.name} was imported"
    others = [other for other in services if other is not service]
    return tuple(Remark(fate=Fate.LOST, place=other.name, line="the whole service", why=why) for other in others)


def _about_keys(tree: Tree, ids: tuple[int, ...], keys: Keys) -> tuple[Remark, ...]:
    """Return remarks about keys that sources name and no file has, and about keys that only other hosts had."""
    remarks = []
    for name, id_ in _named_keys(tree):
        if id_ not in ids:
            why = f"key {id_} is in no key file that was read: add it to {KEY_FILE}, or the deployment refuses the site"
            remarks.append(Remark(fate=Fate.LOST, place="", line=f"{name} key {id_}", why=why))
    new = sorted(set(keys.ids) - set(ids))
    if new and tree.get("serve", {}).get("role") != "client":
        line = f"keys {', '.join(map(str, new))}"
        why = "only other hosts had them; this one will answer them, too"
        remarks.append(Remark(fate=Fate.CHANGED, place="", line=line, why=why))
    return tuple(remarks)


def _named_keys(tree: Tree) -> list[tuple[str, int]]:
    """Return the name of each source with a key, and the id of the key."""
    time = tree.get("time", {})
    sources = (*time.get("servers", ()), *time.get("pools", ()))
    named = [(source["address"], source["key"]) for source in sources if "key" in source]
    for line in time.get("extra", ()):
        id_ = source_key(line)
        if id_ is not None:
            named.append((" ".join(line.split()[:2]), id_))
    return named


def _in_order(site: Tree) -> Tree:
    order = ("release", "time", "serve", "keys", "service", "groups", "hosts")
    return {name: site[name] for name in order if name in site}
