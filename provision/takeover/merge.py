"""Merge the settings of several hosts into one site, with groups where hosts agree."""

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping

from provision.host.target import Kind, parse_target
from provision.site.decode import Tree

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


def site_of(trees: Mapping[str, Tree], common: Tree) -> Tree:
    """Return the tree of a site file with these hosts, by the names with which the command line reaches them.

    ``common`` are settings of all hosts. Hosts with equal settings form a group; if all are equal, the settings are the
    defaults of the site.
    """
    names = host_names(tuple(trees))
    by_text: dict[str, list[str]] = {}
    for host, tree in trees.items():
        by_text.setdefault(json.dumps(tree, sort_keys=True), []).append(host)
    hosts: Tree = {}
    groups: Tree = {}
    site: Tree = {**common}
    for equal in by_text.values():
        tree = trees[equal[0]]
        if len(by_text) == 1:
            site = {**tree, **common}
            tree = {}
        entry: Tree = {}
        if len(equal) > 1 and tree:
            entry["group"] = _group_name(tree, {*groups, *names.values()})
            groups[entry["group"]] = tree
            tree = {}
        for host in equal:
            hosts[names[host]] = {**entry, **_reached(host, names[host]), **tree}
    if groups:
        site["groups"] = groups
    site["hosts"] = {names[host]: hosts[names[host]] for host in trees}
    return site


def host_names(hosts: tuple[str, ...]) -> Mapping[str, str]:
    """Return a name for each host: the first label of its name if no other host has it, else all of it."""
    short = {host: _short(host) for host in hosts}
    count = Counter(short.values())
    names: dict[str, str] = {}
    for host in hosts:
        name = short[host]
        if count[name] > 1:
            name = _NOT_IN_NAMES.sub("-", host).strip("-")
        names[host] = _unique(name, names.values())
    return names


def _unique(name: str, taken: Collection[str]) -> str:
    """Return a name that is not taken: the name itself, or with a number behind it."""
    number = 2
    unique = name
    while unique in taken:
        unique = f"{name}{number}"
        number += 1
    return unique


def _short(host: str) -> str:
    target = parse_target(host)
    if target.kind is Kind.SANDBOX:
        return target.sandbox or host
    address = target.address or host
    if ":" in address or address.replace(".", "").isdigit():
        return _NOT_IN_NAMES.sub("-", f"host-{address}").strip("-")
    return _NOT_IN_NAMES.sub("-", address.partition(".")[0]).strip("-")


def _reached(host: str, name: str) -> Tree:
    if host == name:
        return {}
    return {"host": host}


def _group_name(tree: Tree, taken: Collection[str]) -> str:
    name = "servers"
    if tree.get("serve", {}).get("role") == "client":
        name = "clients"
    return _unique(name, taken)
