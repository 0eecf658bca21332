"""Merge the settings of several hosts into one site, with groups where hosts agree."""

import json
import re
from collections.abc import Mapping

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
            entry["group"] = _group_name(tree, groups)
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
    long = {host: _NOT_IN_NAMES.sub("-", host).strip("-") for host in hosts}
    taken = list(short.values())
    return {host: short[host] if taken.count(short[host]) == 1 else long[host] for host in hosts}


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


def _group_name(tree: Tree, groups: Tree) -> str:
    name = "servers"
    if tree.get("serve", {}).get("role") == "client":
        name = "clients"
    number = 2
    unique = name
    while unique in groups:
        unique = f"{name}{number}"
        number += 1
    return unique
