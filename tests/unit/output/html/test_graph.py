"""The places of nodes, edges and labels in the drawing of who follows whom."""

from dataclasses import replace
from itertools import combinations

import pytest

from provision.output.html.follows import graph_of
from provision.output.html.graph import LONGEST, Box, Edge, Graph, Node, placed
from provision.output.report import Report
from provision.output.status import Layer, SourceFault
from tests.helpers.page_samples import names, reports, tree
from tests.helpers.status_samples import SOURCE
from tests.unit.output.html.test_follows import sentences, with_sources

FAULT = SourceFault(layer=Layer.NO_ANSWER, seen="no answer", advice="ask")


def overlap(one: Box, other: Box) -> bool:
    """Return whether two boxes have a point in common."""
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def label_boxes(graph: Graph) -> list[Box]:
    """Return what each label covers."""
    return [edge.label_box(edge.place) for edge in graph.edges if edge.place is not None]


@pytest.mark.parametrize("hosts", [reports(2, 1), reports(6, 1), reports(997, 1), tree(12, 300)])
def test_no_label_covers_another_one_or_a_node(hosts: list[Report]) -> None:
    graph = graph_of(hosts, names(hosts))
    labels, nodes = label_boxes(graph), [node.box for node in graph.nodes]
    assert labels
    assert not any(overlap(one, other) for one, other in combinations(labels, 2))
    assert not any(overlap(label, node) for label in labels for node in nodes)


def test_each_edge_of_a_small_site_has_a_label() -> None:
    graph = graph_of(hosts := reports(6, 1), names(hosts))
    assert (graph.unlabelled, len(list(graph.labels))) == (0, len(graph.edges))


def test_edges_without_room_for_words_are_counted_and_those_that_give_no_time_have_words() -> None:
    source = Node(label="a", note="", kind="source", ok=True, stratum=1)
    host = Node(label="b", note="", kind="host", ok=True, stratum=2)
    edges = [Edge(source=source, host=host) for _ in range(9)]
    for number, edge in enumerate(edges):
        edge.add("b", replace(SOURCE, state="falseticker" if number == 8 else "selected"))
    graph = placed([source, host], edges)
    assert graph.unlabelled == len(edges) - len(list(graph.labels)) > 0
    assert edges[8] in [edge for edge, _, _ in graph.labels]


def test_a_long_name_keeps_its_start_and_its_end() -> None:
    name = "web-frontend-0123.production.example.net"
    node = Node(label=name, note="", kind="host", ok=True, stratum=3)
    assert len(node.short) <= LONGEST
    assert node.short == "web-frontend-01…mple.net"


def test_the_hosts_of_one_node_are_named() -> None:
    graph = graph_of(hosts := reports(20, 1), names(hosts))
    nodes = {node.label: node for node in graph.nodes}
    assert nodes["19 hosts"].members == ("web1, web2, web3, web4, web6, web7, web8, web9, web10, web11 and 9 more")
    assert nodes["web5"].members == ""


def test_the_fault_of_a_source_is_in_the_sentence() -> None:
    (host, *_) = reports(0, 1)
    silent = replace(SOURCE, name="gone.example.net", state="not usable", fault=FAULT)
    (sentence,) = sentences(graph_of([with_sources(host, silent)], {}))
    assert sentence == "ntp1 follows gone.example.net: key 7, not usable, no-answer"


def test_hosts_of_one_node_that_follow_each_other_are_an_edge_below_the_node() -> None:
    graph = graph_of(hosts := tree(60, 0), names(hosts))
    assert len(graph.nodes) < 10
    own = [edge for edge in graph.edges if edge.source is edge.host]
    assert ["follow each other" in str(edge) for edge in own] == [True]
    assert max(y for _, y in own[0].points) <= graph.height
