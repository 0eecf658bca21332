"""The details of a host in the HTML page."""

from dataclasses import replace
from typing import Any

from provision.output.html.details import LEVELS, MOST_LINES, Level, details_of, record_of
from provision.output.report import Report
from provision.output.status import Layer, SourceFault
from tests.helpers.page_samples import NOW, reports
from tests.helpers.status_samples import SOURCE
from tests.unit.output.html.test_follows import with_sources

FAULT = SourceFault(layer=Layer.NO_ANSWER, seen="no answer to 8 requests", advice="ask who runs it")


def details(report: Report, level: Level = LEVELS[0]) -> dict[str, Any]:
    """Return the details of a host."""
    return dict(details_of(record_of(report, (), NOW), level))


def test_a_source_says_why_it_gives_no_time() -> None:
    (host, *_) = reports(0, 5)
    silent = replace(SOURCE, name="gone.example.net", state="not usable", fault=FAULT)
    good, bad = details(with_sources(host, SOURCE, silent))["sources"]
    assert good[-1] == ""
    assert bad[-1] == "no-answer: no answer to 8 requests; ask who runs it"


def test_the_values_over_time_are_those_of_all_points_and_not_of_the_thinned_ones() -> None:
    (host, *_) = reports(0, 900)
    many, few = details(host), details(host, LEVELS[-2])
    assert few["ranges"] == many["ranges"]
    assert [line[0] for line in few["ranges"]][:3] == ["offset", "error bound", "frequency"]
    assert len(few["clock"][0]) < len(many["clock"][0])


def test_omitted_lines_are_counted() -> None:
    (host, *_) = reports(0, 900)
    assert "thinned" not in details(replace(host, clock_points=(), source_points=()))
    assert details(host)["thinned"] == "Shown are 300 of 901 points of the clock, 300 of 900 points of the sources."
    last = details(host, Level(0, 1))
    assert last["thinned"].endswith("0 of 900 points of the sources, 1 of 2 events.")
    assert last["clock"] == [[], [], [], []]


def test_more_sources_than_one_plot_can_show_are_counted() -> None:
    (host, *_) = reports(0, 900)
    points = [replace(point, source=f"192.0.2.{place % 9}") for place, point in enumerate(host.source_points)]
    made = details(replace(host, source_points=tuple(points)), Level(20, 20))
    assert len(made["offsets"]) == MOST_LINES
    assert all(len(times) == 4 for times, _ in made["offsets"].values())
    assert f"{MOST_LINES} of 9 sources" in made["thinned"]


def test_a_host_without_a_past_has_no_values_over_time() -> None:
    (host, *_) = reports(0, 5)
    assert details(Report(host=host.host, error="no route"))["ranges"] == []
