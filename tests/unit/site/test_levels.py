"""Levels of a site: what holds for a host, and which level has said so."""

from typing import Any

import pytest

from provision.site.levels import Level, merged, setter, settings

LEVELS = (
    Level("", {"time": {"servers": [{"address": "a", "minpoll": 4}], "rtcsync": True}, "keys": {"file": "k"}}),
    Level("groups.far", {"time": {"servers": [{"address": "b"}], "local": {"stratum": 8}}}),
    Level("hosts.ntp1", {"time": {"local": {"orphan": True}}, "serve": {"role": "client"}}),
)


def test_tables_are_merged_and_of_other_values_the_last_one_counts() -> None:
    assert merged(LEVELS) == {
        "time": {"servers": [{"address": "b"}], "rtcsync": True, "local": {"stratum": 8, "orphan": True}},
        "keys": {"file": "k"},
        "serve": {"role": "client"},
    }
    assert LEVELS[0].tree["time"]["servers"] == [{"address": "a", "minpoll": 4}]


MIXED = [
    pytest.param({"time": {"local": {"stratum": 1}}}, {"time": {"local": 5}}, {"time": {"local": 5}}, id="of a table"),
    pytest.param({"time": 5}, {"time": {"local": 5}}, {"time": {"local": 5}}, id="by a table"),
    pytest.param(
        {"keys": {"file": "k"}}, {"keys": {"command": "c"}}, {"keys": {"command": "c"}}, id="a command, of a file"
    ),
    pytest.param(
        {"keys": {"command": "c"}}, {"keys": {"file": "k"}}, {"keys": {"file": "k"}}, id="a file, of a command"
    ),
    pytest.param(
        {"keys": {"file": "k"}},
        {"keys": {"file": "k", "command": "c"}},
        {"keys": {"file": "k", "command": "c"}},
        id="both, which is refused later",
    ),
    pytest.param({"keys": {"file": "k"}}, {"keys": {}}, {"keys": {"file": "k"}}, id="nothing, of a file"),
    pytest.param({"keys": {"file": "k"}}, {"keys": 5}, {"keys": 5}, id="nonsense, which is refused later"),
]


@pytest.mark.parametrize(("below", "above", "whole"), MIXED)
def test_a_value_takes_the_place(below: dict[str, Any], above: dict[str, Any], whole: dict[str, Any]) -> None:
    assert merged((Level("", below), Level("hosts.a", above))) == whole


PLACES = [
    ("time.servers[0].address", "group far"),
    ("time.servers[0].maxpoll", "group far"),
    ("time.rtcsync", "defaults"),
    ("time.local.stratum", "group far"),
    ("time.local.orphan", "host ntp1"),
    ("serve.allow", "host ntp1"),
    ("service.keep", "host ntp1"),
]


@pytest.mark.parametrize(("place", "level"), PLACES)
def test_the_level_that_has_set_a_value_is_known(place: str, level: str) -> None:
    assert str(setter(place, LEVELS)) == level


def test_all_values_are_listed_with_their_levels() -> None:
    assert [(key, str(level)) for key, _, level in settings(LEVELS)] == [
        ("time.servers", "group far"),
        ("time.rtcsync", "defaults"),
        ("time.local.stratum", "group far"),
        ("time.local.orphan", "host ntp1"),
        ("keys.file", "defaults"),
        ("serve.role", "host ntp1"),
    ]


def test_an_empty_table_is_a_value() -> None:
    assert [key for key, _, _ in settings((Level("", {"time": {"local": {}}}),))] == ["time.local"]
