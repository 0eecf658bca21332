"""The path of the time as data of the JSON document."""

import json

from provision.output.json_report import json_text
from tests.helpers.command_reports import command_report
from tests.helpers.report_samples import report
from tests.helpers.report_schema import checked
from tests.unit.output.test_trace import LOOP, PATH


def test_each_hop_has_its_values_and_the_path_their_sum() -> None:
    document = checked(json.loads(json_text(command_report(report(), command="trace", trace=PATH))))
    assert document["trace"] == {
        "hops": [
            {
                "name": "web1",
                "asked": True,
                "stratum": 2,
                "reference": "198.51.100.7",
                "offset_seconds": -3e-06,
                "error_bound_seconds": 0.005,
                "follows": "ntp1.example.net",
                "authentication": "key",
                "key_id": 7,
                "authenticated": True,
                "unauthenticated": False,
            },
            {
                "name": "ntp1.example.net",
                "asked": False,
                "stratum": 1,
                "reference": "GPS",
                "offset_seconds": None,
                "error_bound_seconds": None,
                "follows": None,
                "authentication": None,
                "key_id": None,
                "authenticated": None,
                "unauthenticated": False,
            },
        ],
        "end": "outside-of-the-site",
        "words": "ntp1.example.net is no host of the site; its clock is GPS",
        "reaches_origin": True,
        "loop": [],
        "not_authenticated": [],
        "error_bound_seconds": 0.005,
    }


def test_loops_and_hops_without_authentication_are_named() -> None:
    path = checked(json.loads(json_text(command_report(report(), command="trace", trace=LOOP))))["trace"]
    assert (path["end"], path["reaches_origin"], path["loop"]) == ("loop", False, ["a", "b"])
    assert path["not_authenticated"] == ["web1"]
    assert [hop["unauthenticated"] for hop in path["hops"]] == [False, True]


def test_another_task_has_no_path() -> None:
    assert checked(json.loads(json_text(command_report(report()))))["trace"] is None
