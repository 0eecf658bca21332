"""Compare what a plan of several hosts says with what the deployment did."""

from typing import Any

from tests.helpers.operators import Ran

KNOWN_LATER = {"run-packages"}
"""Steps that a plan of a build which does not exist yet cannot tell: compiling it finds out which packages it needs."""
MOST_LINES = 25
"""Of a plan for people, of a site with four or five hosts."""


def by_name(ran: Ran) -> dict[str, dict[str, Any]]:
    """Return the reports of a run, by the host's name."""
    return {report["host"]: report for report in ran.reports}


def reasons(ran: Ran, status: str) -> dict[str, dict[str, str]]:
    """Return why each step of each host ended so, by host and id, in their order."""
    return {
        name: {one["id"]: one["reason"] for one in report["outcomes"] if one["status"] == status}
        for name, report in by_name(ran).items()
    }


def assert_plan_is_what_was_done(planned: Ran, deployed: Ran) -> None:
    """Assert that each step which a plan says is pending was changed, and no other one."""
    assert (planned.status, deployed.status) == (3, 0)
    pending, changed = reasons(planned, "pending"), reasons(deployed, "changed")
    for name, steps in changed.items():
        assert list(pending[name]) == [id_ for id_ in steps if id_ in pending[name] or id_ not in KNOWN_LATER], name
    assert pending.keys() == changed.keys()
    assert changes(planned) == changes(deployed)


def changes(ran: Ran) -> dict[str, list[tuple[str, ...]]]:
    """Return the changes of each host, but for packages, and for who compiles, which a plan cannot know."""
    return {
        name: [
            (one["id"], one["sign"], one["subject"], one["text"])
            for one in report["changes"]
            if one["id"] != "packages"
        ]
        for name, report in by_name(ran).items()
    }
