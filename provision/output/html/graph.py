"""The drawing of who follows whom: nodes in layers by stratum, edges between them, and labels that cover nothing.

All lengths are in the units of the drawing, which are pixels unless it is made smaller.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from provision.common.text import shortened
from provision.output.status import REFERENCE_CLOCK, Authentication, TimeSource

MOST_NAMED = 10
"""Of the hosts of one node."""
PER_ROW = 6
WIDTH, HEIGHT = 184, 46
"""Of a node."""
LONGEST, LONGEST_LABEL = 24, 44
"""Characters of a name that fit into a node, and of the words on an edge."""
COLUMN, ROW, LAYER = 208, 70, 158
"""The distances of nodes, of the rows of a layer, and of layers."""
LEFT, MARGIN = 104, 20
"""The space for the names of the layers, and above and below the drawing."""
BEND = 46
"""How far an edge goes straight on before it turns."""
CHARACTER, LINE, GAP = 6.6, 15, 3
"""The width of a character of a label, the height of its line, and the space at both ends."""
PLACES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.2, 0.8, 0.14, 0.86)
"""Where a label may be on its edge: 0 is at the source, 1 at the host."""
UNUSABLE = {"falseticker", "too variable", "not usable"}
"""States of a source that chronyd does not select from (chronyc(1), sources)."""
NOT_TOLD, UNKNOWN = -1, 99
"""The layers of sources and hosts that did not tell their stratum, and of hosts that have none."""
LAYERS = {NOT_TOLD: "not known", 0: "devices", UNKNOWN: "no stratum"}
AUTHENTICATION = {
    Authentication.UNKNOWN: "authentication not known",
    Authentication.NONE: "not authenticated",
    Authentication.NTS: "NTS",
}

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


@dataclass(slots=True, kw_only=True)
class Node:
    """A host, several equal hosts, or a source outside of the site."""

    width: ClassVar[int] = WIDTH
    height: ClassVar[int] = HEIGHT
    label: str
    note: str
    """The second line."""
    kind: str
    """``host`` or ``source``."""
    ok: bool
    stratum: int
    hosts: tuple[str, ...] = ()
    """Their names."""
    x: float = 0
    y: float = 0

    @property
    def count(self) -> int:
        """Return the number of hosts; 1 of a source."""
        return len(self.hosts) or 1

    @property
    def short(self) -> str:
        """Return the label as it fits into the node: its end tells addresses from each other, and its start hosts."""
        if len(self.label) <= LONGEST:
            return self.label
        return f"{self.label[: LONGEST - 9]}…{self.label[-8:]}"

    @property
    def members(self) -> str:
        """Return the names of several hosts in words; empty of a single host."""
        if len(self.hosts) < 2:
            return ""
        words = ", ".join(self.hosts[:MOST_NAMED])
        if len(self.hosts) > MOST_NAMED:
            words += f" and {len(self.hosts) - MOST_NAMED} more"
        return words

    @property
    def box(self) -> Box:
        """Return the place that it covers."""
        return self.x, self.y, self.x + WIDTH, self.y + HEIGHT


@dataclass(slots=True, kw_only=True)
class Edge:
    """The hosts of one node follow another node, or each other."""

    source: Node
    host: Node
    authentication: dict[str, set[str]] = field(default_factory=dict)
    """Words such as ``key 7`` → the hosts."""
    states: dict[str, set[str]] = field(default_factory=dict)
    """State of the source → the hosts that see it so."""
    faults: dict[str, set[str]] = field(default_factory=dict)
    """The layer at which the source fails → the hosts of which that is so."""
    invalid: set[str] = field(default_factory=set)
    """The hosts that get no authenticated answer, though they should."""
    place: float | None = None
    """Where its label is: 0 is at the source, 1 at the host; None: it has none."""

    def add(self, host: str, source: TimeSource) -> None:
        """Count a source of a host."""
        self.authentication.setdefault(authentication_of(source), set()).add(host)
        self.states.setdefault(source.state, set()).add(host)
        if source.fault is not None:
            self.faults.setdefault(source.fault.layer.value, set()).add(host)
        if _lacks_authentication(source):
            self.invalid.add(host)

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
        unusual = [(state, hosts) for state, hosts in self.states.items() if state in UNUSABLE]
        return shortened(self._words([*self.authentication.items(), *unusual]), LONGEST_LABEL)

    def _words(self, counted: Iterable[tuple[str, set[str]]]) -> str:
        words = [self._counted(*item) for item in counted]
        if self.invalid:
            words.append(self._counted("NO VALID ANSWER", self.invalid))
        return ", ".join(words)

    def _counted(self, words: str, hosts: set[str]) -> str:
        if len(hosts) == self.host.count:
            return words
        return f"{words} on {len(hosts)}"

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """Return the four points of a cubic curve from the source to the host."""
        x1, x2 = self.source.x + WIDTH / 2, self.host.x + WIDTH / 2
        start = self.source.y + HEIGHT
        if self.source.y < self.host.y:
            return (x1, start), (x1, start + BEND), (x2, self.host.y - BEND), (x2, self.host.y)
        if self.source is self.host:
            # Hosts of one node follow each other.
            return (x1 - 50, start), (x1 - 50, start + BEND), (x1 + 50, start + BEND), (x1 + 50, start)
        # A peer in the same layer, or a source below: around the lower sides.
        end = self.host.y + HEIGHT
        return (x1, start), (x1, start + BEND), (x2, end + BEND), (x2, end)

    @property
    def path(self) -> str:
        """Return the data of an SVG path."""
        first, *rest = (f"{x:.0f} {y:.0f}" for x, y in self.points)
        return f"M{first}C{' '.join(rest)}"

    def at(self, place: float) -> tuple[int, int]:
        """Return a point of the curve."""
        t = place
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
        x, y = (
            sum(weight * point[axis] for weight, point in zip(weights, self.points, strict=True)) for axis in (0, 1)
        )
        return round(x), round(y)

    def label_box(self, place: float) -> Box:
        """Return what the label covers at a place of the edge."""
        x, y = self.at(place)
        half = len(self.label) * CHARACTER / 2 + GAP
        return x - half, y - LINE * 0.75, x + half, y + LINE * 0.25

    def __str__(self) -> str:
        """Return the edge as a sentence."""
        counted = (*self.authentication.items(), *self.states.items(), *self.faults.items())
        verb, other = "follows", self.source.label
        if self.host.count > 1:
            verb = "follow"
        if self.source is self.host:
            other = "each other"
        return f"{self.host.label} {verb} {other}: {self._words(counted)}"


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
    def labels(self) -> Iterator[tuple[Edge, int, int]]:
        """Yield each edge that has a label, and the middle of the label's base line."""
        for edge in self.edges:
            if edge.place is not None:
                yield edge, *edge.at(edge.place)

    @property
    def unlabelled(self) -> int:
        """Return how many edges have no label, for lack of room."""
        return sum(edge.place is None for edge in self.edges)


def authentication_of(source: TimeSource) -> str:
    """Return how a source is authenticated, in words such as ``key 7``."""
    if source.kind == REFERENCE_CLOCK:
        return REFERENCE_CLOCK
    if source.authentication is Authentication.KEY:
        return f"key {source.key_id}"
    return AUTHENTICATION[source.authentication]


def _lacks_authentication(source: TimeSource) -> bool:
    return source.authentication in {Authentication.KEY, Authentication.NTS} and source.authenticated is False


def placed(nodes: Sequence[Node], edges: Sequence[Edge]) -> Graph:
    """Give each node its place, and each label for which there is room."""
    layers: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        layers[node.stratum].append(node)
    widest = max((min(len(layer), PER_ROW) for layer in layers.values()), default=1)
    sources: dict[int, list[Node]] = defaultdict(list)
    for edge in edges:
        sources[id(edge.host)].append(edge.source)
    top, bottom, named = float(MARGIN), 0.0, []
    for stratum in sorted(layers):
        layer = sorted(layers[stratum], key=lambda node: (_middle(sources[id(node)]), node.kind, node.label))
        for number, node in enumerate(layer):
            row, column = divmod(number, PER_ROW)
            in_row = min(PER_ROW, len(layer) - row * PER_ROW)
            node.x = LEFT + (widest - in_row) * COLUMN / 2 + column * COLUMN
            node.y = top + row * ROW
            bottom = node.y + HEIGHT
        named.append((LAYERS.get(stratum, f"stratum {stratum}"), top))
        top = bottom + LAYER - HEIGHT
    _place_labels(nodes, edges)
    if any(edge.source.y >= edge.host.y for edge in edges):
        bottom += BEND
    width = LEFT + widest * COLUMN
    return Graph(nodes=tuple(nodes), edges=tuple(edges), layers=tuple(named), width=width, height=bottom + MARGIN)


def _middle(nodes: Sequence[Node]) -> float:
    """Return where the sources of a node are, on the average, so that edges cross each other rarely."""
    if not nodes:
        return 0
    return sum(node.x for node in nodes) / len(nodes)


def _place_labels(nodes: Iterable[Node], edges: Sequence[Edge]) -> None:
    """Put each label where it covers no node and no other label; those of edges that give no time come first."""
    taken = [node.box for node in nodes]
    for edge in sorted(edges, key=lambda edge: (edge.kind != "bad", -len(edge.label))):
        edge.place = next((place for place in PLACES if _is_free(edge.label_box(place), taken)), None)
        if edge.place is not None:
            taken.append(edge.label_box(edge.place))


def _is_free(box: Box, taken: Iterable[Box]) -> bool:
    left, top, right, bottom = box
    if left < 0:
        return False
    return all(right < other[0] or other[2] < left or bottom < other[1] or other[3] < top for other in taken)
