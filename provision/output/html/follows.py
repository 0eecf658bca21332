"""Make the graph of who follows whom: hosts and sources in layers by stratum, and an edge for each source of a host.

Hosts that nobody follows and that have equal sources are one node with their number, so that the drawing of 1,000 hosts
can be read.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

from provision.common.text import on_one_line
from provision.output.html.graph import NOT_TOLD, UNKNOWN, UNUSABLE, Edge, Graph, Node, authentication_of, placed
from provision.output.report import Report
from provision.output.status import REFERENCE_CLOCK, TimeSource

MOST_ALONE = 3
"""More hosts with equal sources are drawn as one node."""
MOST_NODES, MOST_EDGES = 36, 48
"""Of more nodes of hosts, or more edges, hosts that nobody follows are one node for each stratum and verdict; if these
are still too many, all hosts are."""
MOST_SOURCES = 18
"""Of more sources outside of the site, those with the fewest followers are one node."""
FURTHER = "further sources"


def graph_of(reports: Sequence[Report], names: Mapping[str, str]) -> Graph:
    """Return the graph of these hosts; ``names`` are names and addresses of hosts → their names in the report."""
    links = _links(reports, names)
    outside = _outside_nodes(links, set(names.values()))
    followed = {name for some in links.values() for name, _ in some}
    alike = (
        lambda report: _alike(report, links, followed),
        lambda report: _roughly_alike(report, followed),
        lambda report: _roughly_alike(report, set()),
    )
    for key in alike:
        hosts = _host_nodes(reports, key)
        edges = _edges(links, hosts, outside)
        if len({id(node) for node in hosts.values()}) <= MOST_NODES and len(edges) <= MOST_EDGES:
            break
    nodes = {id(node): node for node in (*outside.values(), *hosts.values())}
    return placed(list(nodes.values()), edges)


def _edges(links: "Links", hosts: Mapping[str, Node], outside: Mapping[str, Node]) -> list[Edge]:
    edges: dict[tuple[int, int], Edge] = {}
    for name, some in links.items():
        host = hosts[name]
        for other, source in some:
            node = hosts.get(other) or outside.get(other) or outside[FURTHER]
            edges.setdefault((id(node), id(host)), Edge(source=node, host=host)).add(name, source)
    return list(edges.values())


Links = Mapping[str, Sequence[tuple[str, TimeSource]]]
"""Name of a host → its sources, each with the name of a host of the site, or of a node outside."""


def _links(reports: Iterable[Report], names: Mapping[str, str]) -> Links:
    found: dict[str, list[tuple[str, TimeSource]]] = {}
    for report in reports:
        host = str(report.host)
        found[host] = []
        for source in _sources(report):
            other = names.get(source.address) or names.get(source.name) or source.name
            if source.kind == REFERENCE_CLOCK:
                other = f"{source.name} of {host}"
            found[host].append((other, source))
    return found


def _sources(report: Report) -> Sequence[TimeSource]:
    if report.status is None:
        return ()
    return report.status.sources


def _outside_nodes(links: Links, hosts: set[str]) -> dict[str, Node]:
    """Return the nodes of sources that are no hosts of the site, by name."""
    seen: dict[str, list[TimeSource]] = defaultdict(list)
    for some in links.values():
        for name, source in some:
            if name not in hosts:
                seen[name].append(source)
    often = Counter({name: len(sources) for name, sources in seen.items()})
    nodes = {name: _outside_node(name, seen[name]) for name, _ in often.most_common(MOST_SOURCES)}
    rest = [source for name, sources in seen.items() if name not in nodes for source in sources]
    if rest:
        node = _outside_node(f"{len(seen) - MOST_SOURCES} {FURTHER}", rest)
        nodes[FURTHER] = node
    return nodes


def _outside_node(name: str, sources: Sequence[TimeSource]) -> Node:
    stratum = max(source.stratum for source in sources)
    note = f"stratum {stratum}"
    if sources[0].kind == REFERENCE_CLOCK:
        stratum, note = 0, REFERENCE_CLOCK
    elif stratum == 0:
        stratum, note = NOT_TOLD, "no answer"
    ok = any(source.state not in UNUSABLE for source in sources)
    return Node(label=on_one_line(name), note=note, kind="source", ok=ok, stratum=stratum)


def _host_nodes(reports: Sequence[Report], key: Callable[[Report], Hashable]) -> dict[str, Node]:
    """Return the node of each host by its name; several hosts with the same key may have the same."""
    groups: dict[Hashable, list[Report]] = defaultdict(list)
    for report in reports:
        groups[key(report)].append(report)
    return {str(report.host): node for group in groups.values() for report, node in _nodes(group)}


def _alike(report: Report, links: Links, followed: set[str]) -> Hashable:
    sources = frozenset((name, authentication_of(source)) for name, source in links[str(report.host)])
    return *_roughly_alike(report, followed), sources


def _roughly_alike(report: Report, named: set[str]) -> tuple[Hashable, ...]:
    own = ""
    if str(report.host) in named:
        own = str(report.host)
    return own, _stratum(report), report.verdict


def _nodes(group: Sequence[Report]) -> Iterator[tuple[Report, Node]]:
    if len(group) <= MOST_ALONE:
        yield from ((report, _host_node([report], on_one_line(str(report.host)))) for report in group)
        return
    node = _host_node(group, f"{len(group)} hosts")
    yield from ((report, node) for report in group)


def _host_node(group: Sequence[Report], label: str) -> Node:
    first = group[0]
    names = tuple(on_one_line(str(report.host)) for report in group)
    note = first.word
    if first.status is not None:
        note = f"{first.status.role.value}, {note}"
    return Node(label=label, note=note, kind="host", ok=first.ok, stratum=_stratum(first), hosts=names)


def _stratum(report: Report) -> int:
    if report.status is None:
        return NOT_TOLD
    if report.status.clock is None or not report.status.clock.stratum:
        return UNKNOWN
    return report.status.clock.stratum
