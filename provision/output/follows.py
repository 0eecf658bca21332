"""Make the graph of who follows whom: hosts and sources in layers by stratum, and an edge for each source of a host.

Hosts that nobody follows and that have equal sources are one node with their number, so that the drawing of 1,000 hosts
can be read.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from provision.common.text import shortened
from provision.output.report import WORDS, Report
from provision.output.status import REFERENCE_CLOCK, Authentication, TimeSource

MOST_ALONE = 3
"""More hosts with equal sources are drawn as one node."""
MOST_NODES = 36
"""Of more nodes of hosts, all that nobody follows are one node for each stratum and verdict."""
MOST_SOURCES = 18
"""Of more sources outside of the site, those with the fewest followers are one node."""
FURTHER = "further sources"
MOST_LABELS = 40
"""The labels of more edges would cover each other: the drawing has none, and the list below it says all."""
PER_ROW = 6
WIDTH, HEIGHT = 172, 46
"""Of a node."""
COLUMN, ROW, LAYER = 196, 70, 150
"""The distances of nodes, of the rows of a layer, and of layers."""
LEFT = 100
"""The space for the names of the layers."""
BEND = 46
"""How far an edge goes straight on before it turns."""
UNUSABLE = {"falseticker", "too variable", "not usable"}
"""States of a source that chronyd does not select from (chronyc(1), sources)."""
NOT_TOLD, UNKNOWN = -1, 99
"""The layers of sources that never told their stratum, and of hosts without one."""
LAYERS = {NOT_TOLD: "no answer", 0: "devices", UNKNOWN: "no stratum"}
AUTHENTICATION = {
    Authentication.UNKNOWN: "authentication not known",
    Authentication.NONE: "not authenticated",
    Authentication.NTS: "NTS",
}


@dataclass(slots=True, kw_only=True)
class Node:
    """A host, several equal hosts, or a source outside of the site."""

    label: str
    note: str
    """The second line."""
    kind: str
    """``host`` or ``source``."""
    ok: bool
    stratum: int
    count: int = 1
    """The number of hosts."""
    x: float = 0
    y: float = 0

    @property
    def short(self) -> str:
        """Return the label as it fits into the node."""
        return shortened(self.label, 22)


@dataclass(slots=True, kw_only=True)
class Edge:
    """The hosts of one node follow another node."""

    source: Node
    host: Node
    authentication: dict[str, int] = field(default_factory=dict)
    """Words such as ``key 7`` → the number of hosts."""
    states: dict[str, int] = field(default_factory=dict)
    """State of the source → the number of hosts that see it so."""
    invalid: int = 0
    """The number of hosts that get no authenticated answer, though they should."""
    place: float = 0.5
    """Where its label is: 0 is at the source, 1 at the host."""

    def add(self, source: TimeSource) -> None:
        """Count a source of a host."""
        words = authentication_of(source)
        self.authentication[words] = self.authentication.get(words, 0) + 1
        self.states[source.state] = self.states.get(source.state, 0) + 1
        self.invalid += _lacks_authentication(source)

    @property
    def kind(self) -> str:
        """Return ``bad`` if it gives no time to a host, ``plain`` if it is not authenticated, or ``authenticated``."""
        if self.invalid or UNUSABLE & set(self.states):
            return "bad"
        plain = {AUTHENTICATION[Authentication.NONE], AUTHENTICATION[Authentication.UNKNOWN]}
        if plain & set(self.authentication):
            return "plain"
        return "authenticated"

    @property
    def selected(self) -> bool:
        """Return whether a host has selected it."""
        return "selected" in self.states

    @property
    def label(self) -> str:
        """Return the words on the edge, such as ``key 7``; its line tells the usual states."""
        unusual = [(state, number) for state, number in self.states.items() if state in UNUSABLE]
        return self._words([*self.authentication.items(), *unusual])

    def _words(self, counted: Iterable[tuple[str, int]]) -> str:
        words = [self._counted(*item) for item in counted]
        if self.invalid:
            words.append(self._counted("NO VALID ANSWER", self.invalid))
        return ", ".join(words)

    def _counted(self, words: str, number: int) -> str:
        if number == self.host.count:
            return words
        return f"{words} on {number}"

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """Return the four points of a cubic curve from the source to the host."""
        x1, x2 = self.source.x + WIDTH / 2, self.host.x + WIDTH / 2
        start = self.source.y + HEIGHT
        if self.source.y < self.host.y:
            return (x1, start), (x1, start + BEND), (x2, self.host.y - BEND), (x2, self.host.y)
        # A peer in the same layer, or a source below: around the lower sides.
        end = self.host.y + HEIGHT
        return (x1, start), (x1, start + BEND), (x2, end + BEND), (x2, end)

    @property
    def path(self) -> str:
        """Return the data of an SVG path."""
        first, *rest = (f"{x:.0f} {y:.0f}" for x, y in self.points)
        return f"M{first}C{' '.join(rest)}"

    @property
    def label_at(self) -> tuple[int, int]:
        """Return the place of the label: a point of the curve."""
        t = self.place
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
        x, y = (
            sum(weight * point[axis] for weight, point in zip(weights, self.points, strict=True)) for axis in (0, 1)
        )
        return round(x), round(y)

    def __str__(self) -> str:
        """Return the edge as a sentence."""
        counted = (*self.authentication.items(), *self.states.items())
        return f"{self.host.label} follows {self.source.label}: {self._words(counted)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Nodes at their places, and the edges between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    layers: tuple[tuple[str, float], ...]
    """The name of each layer, and its place from the top."""
    width: float
    height: float

    @property
    def has_labels(self) -> bool:
        """Return whether the labels of the edges have room."""
        return len(self.edges) <= MOST_LABELS


def authentication_of(source: TimeSource) -> str:
    """Return how a source is authenticated, in words such as ``key 7``."""
    if source.kind == REFERENCE_CLOCK:
        return REFERENCE_CLOCK
    if source.authentication is Authentication.KEY:
        return f"key {source.key_id}"
    return AUTHENTICATION[source.authentication]


def graph_of(reports: Sequence[Report], names: Mapping[str, str]) -> Graph:
    """Return the graph of these hosts; ``names`` are names and addresses of hosts → their names in the report."""
    links = _links(reports, names)
    outside = _outside_nodes(links, set(names.values()))
    followed = {name for some in links.values() for name, _ in some}
    hosts = _host_nodes(reports, links, followed)
    edges: dict[tuple[int, int], Edge] = {}
    for name, some in links.items():
        host = hosts[name]
        for other, source in some:
            node = hosts.get(other) or outside.get(other) or outside[FURTHER]
            edges.setdefault((id(node), id(host)), Edge(source=node, host=host)).add(source)
    nodes = {id(node): node for node in (*outside.values(), *hosts.values())}
    return _placed(list(nodes.values()), list(edges.values()))


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
    return Node(label=name, note=note, kind="source", ok=ok, stratum=stratum)


def _host_nodes(reports: Sequence[Report], links: Links, followed: set[str]) -> dict[str, Node]:
    """Return the node of each host by its name; several hosts may have the same."""
    groups: dict[Hashable, list[Report]] = defaultdict(list)
    for report in reports:
        groups[_alike(report, links, followed)].append(report)
    if len(groups) > MOST_NODES:
        groups.clear()
        for report in reports:
            groups[_roughly_alike(report, followed)].append(report)
    return {str(report.host): node for group in groups.values() for report, node in _nodes(group)}


def _alike(report: Report, links: Links, followed: set[str]) -> Hashable:
    sources = frozenset((name, authentication_of(source)) for name, source in links[str(report.host)])
    return *_roughly_alike(report, followed), sources


def _roughly_alike(report: Report, followed: set[str]) -> tuple[Hashable, ...]:
    own = ""
    if str(report.host) in followed:
        own = str(report.host)
    return own, _stratum(report), report.verdict


def _nodes(group: Sequence[Report]) -> Iterator[tuple[Report, Node]]:
    if len(group) <= MOST_ALONE:
        yield from ((report, _host_node([report], str(report.host))) for report in group)
        return
    node = _host_node(group, f"{len(group)} hosts")
    yield from ((report, node) for report in group)


def _host_node(group: Sequence[Report], label: str) -> Node:
    first = group[0]
    note = WORDS[first.verdict]
    if first.status is not None:
        note = f"{first.status.role.value}, {note}"
    return Node(label=label, note=note, kind="host", ok=first.ok, stratum=_stratum(first), count=len(group))


def _stratum(report: Report) -> int:
    if report.status is None or report.status.clock is None or not report.status.clock.stratum:
        return UNKNOWN
    return report.status.clock.stratum


def _lacks_authentication(source: TimeSource) -> bool:
    return source.authentication in {Authentication.KEY, Authentication.NTS} and source.authenticated is False


def _placed(nodes: Sequence[Node], edges: Sequence[Edge]) -> Graph:
    """Give each node its place, and each label."""
    layers: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        layers[node.stratum].append(node)
    widest = max((min(len(layer), PER_ROW) for layer in layers.values()), default=1)
    sources: dict[int, list[Node]] = defaultdict(list)
    for edge in edges:
        sources[id(edge.host)].append(edge.source)
    top, named = 20.0, []
    for stratum in sorted(layers):
        layer = sorted(layers[stratum], key=lambda node: (_middle(sources[id(node)]), node.kind, node.label))
        for number, node in enumerate(layer):
            row, column = divmod(number, PER_ROW)
            in_row = min(PER_ROW, len(layer) - row * PER_ROW)
            node.x = LEFT + (widest - in_row) * COLUMN / 2 + column * COLUMN
            node.y = top + row * ROW
        named.append((LAYERS.get(stratum, f"stratum {stratum}"), top))
        top += (len(layer) - 1) // PER_ROW * ROW + LAYER
    _place_labels(edges)
    return Graph(
        nodes=tuple(nodes),
        edges=tuple(edges),
        layers=tuple(named),
        width=LEFT + widest * COLUMN,
        height=max(top - LAYER + HEIGHT + BEND, HEIGHT),
    )


def _middle(nodes: Sequence[Node]) -> float:
    """Return where the sources of a node are, on the average, so that edges cross each other rarely."""
    if not nodes:
        return 0
    return sum(node.x for node in nodes) / len(nodes)


def _place_labels(edges: Sequence[Edge]) -> None:
    """Put the labels of the edges to one host at different heights."""
    of_host: dict[int, list[Edge]] = defaultdict(list)
    for edge in edges:
        of_host[id(edge.host)].append(edge)
    for some in of_host.values():
        some.sort(key=lambda edge: edge.source.x)
        for number, edge in enumerate(some):
            edge.place = 0.3 + 0.4 * (number + 0.5) / len(some)
