"""Files of ours and the units among them: how a host differs, and what is done about it."""

from dataclasses import replace
from typing import Any

import pytest

from provision.common.errors import HostUnready
from provision.common.results import Sign
from provision.deploy.steps.units import UnitFile, Units
from provision.output.plan import SUBJECT_WIDTH
from tests.helpers.step_samples import digest

PATH = "/etc/systemd/system/a.service"


def units(*, wanted: bool = True) -> Units:
    return Units(
        id="a",
        subject="some count",
        setting="keys.usage",
        wanted=wanted,
        files=(UnitFile(path=PATH, content="x"),),
        units=("a.service", "a.timer"),
        effect_look="look_counting",
    )


RUNS = f"file {PATH} {digest('x')}\nunit a.service enabled active\nunit a.timer enabled active"
NONE = f"file {PATH} missing\nunit a.service disabled inactive\nunit a.timer disabled inactive"
FOREIGN = NONE.replace("missing", "foreign")
NOT_OURS = f"{PATH} is the administrator's own: move it away, or leave keys.usage out of the site"
TIMER_OFF = "a.timer does not start at boot"
NO_EFFECT = "the kernel has no table"
DRIFTS = [
    pytest.param(True, RUNS, None, id="as wanted"),
    pytest.param(True, NONE, f"missing: {PATH}", id="none yet"),
    pytest.param(True, "", f"missing: {PATH}", id="no answer about it"),
    pytest.param(True, RUNS.replace(digest("x"), digest("y")), f"{PATH} differs", id="another text"),
    pytest.param(True, FOREIGN, NOT_OURS, id="not ours"),
    pytest.param(True, RUNS.replace("timer enabled", "timer disabled"), TIMER_OFF, id="disabled"),
    pytest.param(True, RUNS.replace("active", "inactive", 1), "a.service is not active", id="stopped"),
    pytest.param(True, f"{RUNS}\nno-effect {NO_EFFECT}", NO_EFFECT, id="without effect"),
    pytest.param(False, RUNS, f"{PATH} is there", id="not wanted any more"),
    pytest.param(False, NONE, None, id="none, as wanted"),
    pytest.param(False, FOREIGN, None, id="a file of the administrator stays"),
]


@pytest.mark.parametrize(("wanted", "seen", "words"), DRIFTS)
def test_drift(wanted: bool, seen: str, words: str | None) -> None:  # noqa: FBT001 -- a column of the table
    assert units(wanted=wanted).drift(seen) == words


def test_a_file_of_the_administrator_is_named_before_those_that_are_missing() -> None:
    two = replace(units(), files=(UnitFile(path="/first", content="y"), *units().files))
    assert two.drift(f"file /first missing\n{FOREIGN}") == NOT_OURS


def test_the_title_says_whether_the_site_asks_for_them() -> None:
    assert [units(wanted=wanted).title for wanted in (True, False)] == ["some count", "no some count"]


def test_the_first_column_of_a_plan_has_room_for_their_name() -> None:
    host: Any = None
    (change,) = replace(units(), id="key-usage").changes(host, NONE, "missing")
    assert (change.id, change.subject, change.text) == ("key-usage", "key usage", "missing")
    assert len(change.subject) <= SUBJECT_WIDTH


OTHER_PATH = "/etc/systemd/system/a.timer"
REFUSED = [
    pytest.param(FOREIGN, id="the first"),
    pytest.param(f"file {OTHER_PATH} missing\n{FOREIGN}", id="one after a missing one"),
]


@pytest.mark.parametrize("seen", REFUSED)
def test_a_file_of_the_administrator_is_not_replaced(seen: str) -> None:
    class Stub:
        name = "ntp1"

        def ask(self, _: str) -> str:
            return seen

    host: Any = Stub()
    step = replace(units(), files=(UnitFile(path=OTHER_PATH, content="y"), UnitFile(path=PATH, content="x")))
    with pytest.raises(HostUnready, match=r"ntp1: .* is the administrator's own"):
        step.apply(host)


def test_a_plan_ends_with_the_refusal_too() -> None:
    host: Any = None
    assert units().refusal(FOREIGN) == NOT_OURS
    (change,) = units().changes(host, FOREIGN, NOT_OURS)
    assert change.sign is Sign.WARNING
    assert [units(wanted=wanted).refusal(seen) for wanted, seen in ((True, NONE), (False, FOREIGN))] == [None, None]


def test_a_service_that_a_unit_has_started_is_stopped_too() -> None:
    class Stub:
        said = ""

        def run(self, _: str, script: str) -> None:
            self.said = script

    host: Any = Stub()
    replace(units(wanted=False), units=("a.path",)).apply(host)
    assert "\nset -- 'a.path a.service' '' /etc/systemd/system/a.service\n" in host.said
