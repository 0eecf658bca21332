"""The graph of who follows whom."""

from dataclasses import replace
from itertools import pairwise

import pytest

from provision.output.html.follows import FURTHER, MOST_EDGES, MOST_NODES, MOST_SOURCES, graph_of
from provision.output.html.graph import WIDTH, Graph
from provision.output.report import Report
from provision.output.status import REFERENCE_CLOCK, TimeSource
from tests.helpers.page_samples import NAMES, names, reports, tree
from tests.helpers.status_samples import SOURCE


def sentences(graph: Graph) -> list[str]:
    """Return the edges as they are listed below the drawing."""
    return [str(edge) for edge in graph.edges]


def with_sources(report: Report, *sources: TimeSource) -> Report:
    """Return a report of a host with other sources."""
    assert report.status is not None
    return replace(report, status=replace(report.status, sources=sources))


def test_a_host_that_is_followed_by_address_or_name_is_one_node() -> None:
    graph = graph_of(reports(2, 1), NAMES)
    labels = [node.label for node in graph.nodes]
    assert sorted(labels) == [
        "ntp1", "ntp2", "ntp3", "time1.example.net", "time2.example.net", "time3.example.net", "web1", "web2",
    ]  # fmt: skip
    assert "web1 follows ntp1: key 1, selected" in sentences(graph)
    assert "ntp1 follows time3.example.net: not authenticated, combined" in sentences(graph)
    assert [name for name, _ in graph.layers] == ["stratum 1", "stratum 2", "stratum 3"]


def test_each_layer_is_below_its_sources_and_no_node_covers_another() -> None:
    graph = graph_of(reports(30, 1), NAMES)
    places = sorted((node.y, node.x) for node in graph.nodes)
    for (high, left), (low, right) in pairwise(places):
        assert low > high or right >= left + WIDTH
    assert all(edge.source.y < edge.host.y for edge in graph.edges)


def test_an_edge_without_a_valid_authenticated_answer_is_bad() -> None:
    (host, *others) = reports(1, 1)
    invalid = replace(SOURCE, name="192.0.2.9", address="192.0.2.9", state="combined", authenticated=False)
    for source, kind in ((invalid, "bad"), (replace(invalid, authenticated=True), "authenticated")):
        edges = graph_of([with_sources(host, source), *others], {}).edges
        assert [edge.kind for edge in edges if edge.source.label == "192.0.2.9"] == [kind]


def test_equal_hosts_are_one_node_with_their_number() -> None:
    graph = graph_of(reports(997, 1), NAMES)
    hosts = {node.label: node.note for node in graph.nodes if node.kind == "host"}
    assert hosts["977 hosts"] == "client, ok"
    assert hosts["20 hosts"] == "client, FAILED"
    (edge,) = [edge for edge in graph.edges if edge.kind == "bad"]
    assert str(edge) == "20 hosts follow ntp3: key 1, falseticker, not-selectable:falseticker"


@pytest.mark.parametrize(("relays", "clients"), [(4, 30), (12, 30), (40, 960), (1000, 0)])
def test_a_graph_of_many_hosts_can_be_read(relays: int, clients: int) -> None:
    hosts = tree(relays, clients)
    graph = graph_of(hosts, names(hosts))
    assert sum(node.count for node in graph.nodes if node.kind == "host") == len(hosts)
    assert len(graph.nodes) <= MOST_NODES
    assert len(graph.edges) <= MOST_EDGES


def test_many_sources_outside_become_one_node() -> None:
    some = [
        with_sources(report, replace(SOURCE, name=f"192.0.2.{number}", address=f"192.0.2.{number}"))
        for number, report in enumerate(reports(97, 1))
    ]
    graph = graph_of(some, NAMES)
    sources = [node.label for node in graph.nodes if node.kind == "source"]
    assert len(sources) == MOST_SOURCES + 1
    assert sources[-1] == f"{100 - MOST_SOURCES} {FURTHER}"
    assert sum(node.kind == "host" for node in graph.nodes) <= MOST_NODES


def test_hosts_and_sources_without_a_stratum_have_layers_of_their_own() -> None:
    first, second, third = reports(0, 1)
    device = replace(SOURCE, name="PPS", kind=REFERENCE_CLOCK, stratum=0)
    silent = replace(SOURCE, name="gone.example.net", address="192.0.2.9", stratum=0, state="not usable")
    assert third.status is not None
    lost = replace(third, status=replace(third.status, clock=None, sources=()))
    graph = graph_of([with_sources(first, device, silent), replace(second, status=None), lost], NAMES)
    assert [name for name, _ in graph.layers] == ["not known", "devices", "stratum 2", "no stratum"]
    assert "PPS of ntp1" in [node.label for node in graph.nodes]


def test_hosts_that_follow_each_other_are_drawn() -> None:
    first, second, *_ = reports(0, 1)
    peers = [
        with_sources(first, replace(SOURCE, name="ntp2")),
        with_sources(second, replace(SOURCE, name="ntp1", address="ntp1")),
    ]
    graph = graph_of(peers, NAMES)
    assert len(graph.edges) == 2
    assert all(edge.path.startswith("M") for edge in graph.edges)


def test_without_hosts_there_is_an_empty_drawing() -> None:
    graph = graph_of([], {})
    assert (graph.nodes, graph.edges) == ((), ())
    assert graph.width > 0
