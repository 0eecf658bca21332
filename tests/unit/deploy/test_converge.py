"""The one loop. The survey is really run by sh, on this machine; the steps are files in a folder of the test."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provision.common.errors import CommandFailed, NotConverged, ParseError
from provision.common.results import Outcome, Status
from provision.deploy.converge import converge, parse_survey, survey, survey_script
from provision.deploy.steps import Phase, Step, StepDefaults, minor
from provision.host.host import Host
from provision.host.transport.local import LocalTransport

MARK = "==mark=="


@dataclass(frozen=True)
class Line(StepDefaults):
    """A file has one line."""

    path: Path
    line: str = "wanted"
    writes: str = "wanted"
    changes_host: bool = True

    @property
    def id(self) -> str:
        return f"line-{self.path.name}"

    @property
    def title(self) -> str:
        return self.path.name

    def look(self) -> str:
        return f"if [ -e {quote(str(self.path))} ]; then cat {quote(str(self.path))}; else echo missing; fi"

    def drift(self, seen: str) -> str | None:
        return None if seen == self.line else f"{seen!r}, not {self.line!r}"

    def diff(self, seen: str) -> str:
        return f"-{seen}\n+{self.line}"

    def apply(self, host: Host) -> None:
        host.run(f"writing {self.title}", f"echo {quote(self.writes)} >{quote(str(self.path))}")


def phases(*steps: Step) -> tuple[Phase, ...]:
    """Return a plan of two phases: the first step, and the others."""
    return Phase("first", steps[:1]), Phase("others", steps[1:])


@pytest.fixture
def host() -> Iterator[Host]:
    before = os.umask(0o022)
    yield Host(LocalTransport())
    os.umask(before)


def test_nothing_to_do_is_one_round_trip_at_any_number_of_steps(host: Host, tmp_path: Path) -> None:
    steps = [Line(tmp_path / f"{number}", line="missing") for number in range(30)]
    assert list(converge(host, phases(*steps))) == [
        Outcome(id=step.id, title=step.title, status=Status.UNCHANGED) for step in steps
    ]
    assert host.trips == 1


@dataclass(frozen=True)
class Counted(Line):
    """Leaves a line of its own each time that it is asked."""

    def look(self) -> str:
        return f"echo asked >>{quote(str(self.path))}.asked; {super().look()}"


def test_what_several_steps_ask_is_asked_once_and_each_judges_the_answer(host: Host, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("there\n")
    steps = [Counted(tmp_path / "file", line="there"), Counted(tmp_path / "file", line="another")]
    outcomes = list(converge(host, phases(*steps), dry_run=True))
    assert [outcome.status for outcome in outcomes] == [Status.UNCHANGED, Status.PENDING]
    assert (tmp_path / "file.asked").read_text() == "asked\n"


def test_no_steps_are_no_question(host: Host) -> None:
    assert list(converge(host, phases())) == []
    assert host.trips == 0


def test_what_differs_is_changed_and_then_it_is_not(host: Host, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("before\n")
    steps = [Line(tmp_path / "new"), Line(tmp_path / "old"), Line(tmp_path / "absent", line="missing")]
    begun: list[str] = []

    def begin(_: Phase, step: Step) -> bool:
        begun.append(step.title)
        return False

    assert list(converge(host, phases(*steps), begin=begin)) == [
        Outcome(
            id="line-new",
            title="new",
            status=Status.CHANGED,
            reason="'missing', not 'wanted'",
            diff="-missing\n+wanted",
            changes=(minor("line-new", "new"),),
        ),
        Outcome(
            id="line-old",
            title="old",
            status=Status.CHANGED,
            reason="'before', not 'wanted'",
            diff="-before\n+wanted",
            changes=(minor("line-old", "old"),),
        ),
        Outcome(id="line-absent", title="absent", status=Status.UNCHANGED),
    ]
    assert begun == ["new", "old"]
    assert {outcome.status for outcome in converge(host, phases(*steps), begin=begin)} == {Status.UNCHANGED}
    assert begun == ["new", "old"]


def test_outcomes_come_as_they_happen(host: Host, tmp_path: Path) -> None:
    outcomes = converge(host, phases(Line(tmp_path / "one"), Line(tmp_path / "two")))
    assert next(outcomes).title == "one"
    assert not (tmp_path / "two").exists()


def test_a_dry_run_tells_why_and_changes_nothing(host: Host, tmp_path: Path) -> None:
    begun: list[str] = []

    def begin(_: Phase, step: Step) -> bool:
        # A dry run stops at a closed gate, like the run that it stands for.
        begun.append(step.title)
        return False

    outcomes = list(converge(host, phases(Line(tmp_path / "new")), dry_run=True, begin=begin))
    assert begun == ["new"]
    assert outcomes == [
        Outcome(
            id="line-new",
            title="new",
            status=Status.PENDING,
            reason="'missing', not 'wanted'",
            diff="-missing\n+wanted",
            changes=(minor("line-new", "new"),),
        )
    ]
    assert (list(tmp_path.iterdir()), host.trips) == ([], 1)


def test_work_that_another_run_did_in_the_meantime_is_not_repeated(host: Host, tmp_path: Path) -> None:
    def waits(_: Phase, step: Step) -> bool:
        (tmp_path / step.title).write_text("wanted\n")
        return True

    (outcome,) = converge(host, phases(Line(tmp_path / "new", writes="twice")), begin=waits)
    assert outcome == Outcome(id="line-new", title="new", status=Status.UNCHANGED)


def test_after_waiting_for_another_run_the_drift_is_read_again(host: Host, tmp_path: Path) -> None:
    def waits(_: Phase, step: Step) -> bool:
        (tmp_path / step.title).write_text("theirs\n")
        return True

    (outcome,) = converge(host, phases(Line(tmp_path / "new")), begin=waits)
    assert (outcome.status, outcome.reason) == (Status.CHANGED, "'theirs', not 'wanted'")


def test_steps_behind_a_change_look_afresh(host: Host, tmp_path: Path) -> None:
    same = tmp_path / "same"
    statuses = [outcome.status for outcome in converge(host, phases(Line(same), Line(same)))]
    assert statuses == [Status.CHANGED, Status.UNCHANGED]


def test_a_step_that_did_not_help_is_an_error(host: Host, tmp_path: Path) -> None:
    with pytest.raises(NotConverged) as caught:
        list(converge(host, phases(Line(tmp_path / "file", writes="other"))))
    assert str(caught.value) == "local: file: applied, and still 'other', not 'wanted'"


@dataclass(frozen=True)
class ReversibleLine(Line):
    """A step that removes its file again."""

    def undo(self, host: Host) -> str:
        host.run("undoing", f"rm {quote(str(self.path))}")
        return "removed again"


def test_a_step_that_did_not_help_is_undone_at_once(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(NotConverged, match=r"applied, and still 'other', not 'wanted'; removed again$"):
        list(converge(host, phases(ReversibleLine(path, writes="other"), Line(tmp_path / "behind"))))
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_helped_is_not_undone(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert [outcome.status for outcome in converge(host, phases(ReversibleLine(path)))] == [Status.CHANGED]
    assert path.exists()


def test_a_step_that_fails_ends_the_run(host: Host, tmp_path: Path) -> None:
    steps = [Line(tmp_path / "no" / "folder"), Line(tmp_path / "behind")]
    with pytest.raises(CommandFailed, match=r"^local: writing folder failed \(exit status"):
        list(converge(host, phases(*steps)))
    assert list(tmp_path.iterdir()) == []


@dataclass(frozen=True)
class Blind(Line):
    """A look that cannot tell."""

    script: str = "exit 1"

    def look(self) -> str:
        return self.script


COULD_NOT_TELL = [
    pytest.param("exit 3", "(exit status 3): (it printed nothing)", id="nothing said"),
    pytest.param("echo one; echo two; false", "(exit status 1): two", id="the last line said"),
    pytest.param(
        "set -eu; nosuchtool 2>/dev/null; echo missing", "(exit status 127): (it printed nothing)", id="no tool"
    ),
    pytest.param("set -u; echo $unset; echo missing", "(exit status 2): (it printed nothing)", id="a variable unset"),
]


@pytest.mark.parametrize(("script", "words"), COULD_NOT_TELL)
def test_could_not_tell_is_an_error_and_nothing_is_applied(host: Host, tmp_path: Path, script: str, words: str) -> None:
    steps = [Line(tmp_path / "first"), Blind(tmp_path / "blind", script=script)]
    with pytest.raises(CommandFailed) as caught:
        list(converge(host, phases(*steps)))
    assert str(caught.value) == f"local: blind: query failed {words}"
    assert list(tmp_path.iterdir()) == []


LOOKS = [
    pytest.param(("echo a", "echo b"), ("a", "b"), id="in order"),
    pytest.param(("printf a", "echo b"), ("a", "b"), id="no newline at the end"),
    pytest.param(("true", "echo b"), ("", "b"), id="an empty answer"),
    pytest.param(("echo a; exit 0; echo no", "echo b"), ("a", "b"), id="exit ends one look only"),
    pytest.param(
        ("x=1; cd /; set -eu; umask 0", 'echo "${x-unset}"; umask'), ("", "unset\n0022"), id="nothing is left behind"
    ),
    pytest.param(("set -- a b; echo $#", "echo $#"), ("2", "0"), id="arguments of its own"),
    pytest.param(("echo a # a comment", "echo b"), ("a", "b"), id="a comment at the end"),
    pytest.param(("cat <<'.'\nhere\n.", "echo b"), ("here", "b"), id="a document"),
    pytest.param(("echo; echo a; echo; echo c; echo", "echo b"), ("a\n\nc", "b"), id="lines in the middle are kept"),
    pytest.param(("printf '  a\\t\\r\\n'", "echo '==='"), ("  a\t\r", "==="), id="blanks are kept"),
]


@pytest.mark.parametrize(("looks", "answers"), LOOKS)
def test_each_look_gets_its_own_answer(
    host: Host, tmp_path: Path, looks: tuple[str, ...], answers: tuple[str, ...]
) -> None:
    steps = [Blind(tmp_path / f"{number}", script=script) for number, script in enumerate(looks)]
    assert survey(host, steps) == answers
    assert host.trips == 1


def test_a_survey_that_was_cut_off_is_refused() -> None:
    with pytest.raises(ParseError, match=r"^the host answered 1 of 3 questions; it may have been cut off$"):
        parse_survey(f"a\n{MARK} 0\nb\n", MARK, 3)


TEXTS = st.lists(st.sampled_from([MARK, f"{MARK} ", "0", "1", "x", "\n", " "]) | st.text(max_size=3)).map("".join)


@given(st.text() | TEXTS, st.integers(0, 3))
@example(f"{MARK} x\n", 1)
@example(f"{MARK} {'9' * 5000}\n", 1)
def test_no_text_raises_anything_but_a_parse_error(text: str, count: int) -> None:
    try:
        assert len(parse_survey(text, MARK, count)) == count
    except ParseError as error:
        assert "\n" not in str(error)


ANSWERS = st.lists(
    st.tuples(st.integers(0, 255), st.text(st.characters(blacklist_characters="\n"), max_size=8)), max_size=5
)


@given(ANSWERS)
def test_what_the_survey_prints_reads_back(answers: list[tuple[int, str]]) -> None:
    printed = "".join(f"{answer}\n\n{MARK} {status}\n" for status, answer in answers)
    assert parse_survey(printed, MARK, len(answers)) == tuple(answers)


def test_the_last_look_may_fail_and_the_survey_does_not() -> None:
    done = LocalTransport().execute(survey_script(["echo a", "false"], MARK))
    assert (done.status, done.stdout) == (0, f"a\n\n{MARK} 0\n\n{MARK} 1\n")
