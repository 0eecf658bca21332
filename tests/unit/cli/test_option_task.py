"""Tasks of Invoke that take one typed value: what the function gets, and how a bad option ends."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from invoke.collection import Collection
from invoke.program import Program

from provision.cli.option import argument, number
from provision.cli.option_task import option_task
from provision.cli.options import Options
from provision.common.errors import SiteError

Run = Callable[..., int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOptions(Options):
    """Options of a task in these tests."""

    file: str = argument("file to read")
    rounds: int = number("rounds to go", 3, meaning="a number of rounds", least=1, most=9)
    again: int | None = number("seconds to pause", None, meaning="a number of seconds", least=1, most=9, bare=5)


@pytest.fixture
def seen() -> list[SampleOptions]:
    """The options with which the task ran."""
    return []


@pytest.fixture
def run(seen: list[SampleOptions]) -> Run:
    """Run a command line, and return its exit status."""

    @option_task(
        SampleOptions, "host", "max_failures", "unit_tests", "rounds", "again", "file", help_={"host": "host to greet"}
    )
    def sample(options: SampleOptions) -> int | None:
        """Take the options."""
        seen.append(options)
        if options.file == "bad":
            raise SiteError("the site\nis bad")
        return 3 if options.file == "three" else None

    program = Program(name="sample", binary="sample", version="1", namespace=Collection(sample))

    def started(*words: str) -> int:
        try:
            program.run(["sample", *words])
        except SystemExit as error:
            assert isinstance(error.code, int)
            return error.code
        return 0

    return started


def test_without_options_the_defaults_hold(run: Run, seen: list[SampleOptions]) -> None:
    assert run("sample", "keys") == 0
    assert seen == [SampleOptions(file="keys")]


def test_the_function_gets_typed_values(run: Run, seen: list[SampleOptions]) -> None:
    words = ("keys", "--host", "a", "--rounds=5", "--host=b", "--max-failures", "2", "--unit-tests")
    assert run("sample", *words) == 0
    assert seen == [SampleOptions(file="keys", host=("a", "b"), rounds=5, max_failures=2, unit_tests=True)]


@pytest.mark.parametrize(
    ("words", "again"), [((), None), (("--again",), 5), (("--again", "2"), 2), (("--again=2",), 2)], ids=str
)
def test_an_option_may_go_without_its_value(
    run: Run, seen: list[SampleOptions], words: tuple[str, ...], again: int | None
) -> None:
    assert run("sample", "keys", *words) == 0
    assert [one.again for one in seen] == [again]


def test_an_option_without_its_value_may_be_followed_by_another(run: Run, seen: list[SampleOptions]) -> None:
    assert run("sample", "keys", "--again", "--unit-tests") == 0
    assert seen == [SampleOptions(file="keys", again=5, unit_tests=True)]


def test_a_bad_value_of_such_an_option_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sample", "keys", "--again", "0") == 2
    assert "--again 0: expected a number of seconds from 1 to 9" in capsys.readouterr().err


def test_the_function_returns_the_exit_status(run: Run) -> None:
    assert run("sample", "three") == 3


def test_an_error_ends_as_one_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sample", "bad") == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("words", [["--rounds", "x"], ["--rounds=10"], ["--rounds="]])
def test_a_bad_option_ends_the_command_before_the_task_runs(
    words: list[str], run: Run, seen: list[SampleOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("sample", "keys", *words) == 2
    assert capsys.readouterr().err.startswith("error: --rounds ")
    assert seen == []


def test_an_argument_without_which_nothing_can_be_done_is_required(run: Run, seen: list[SampleOptions]) -> None:
    assert run("sample") == 1
    assert seen == []


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_in_the_place_of_an_argument_shows_the_help(
    word: str, run: Run, seen: list[SampleOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("sample", word) == 0
    text, errors = capsys.readouterr()
    assert "Take the options." in text
    assert "--file=STRING " in text
    assert errors == ""
    assert seen == []


def test_help_shows_whether_an_option_takes_a_text_a_number_or_nothing(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--help", "sample")
    text = " ".join(capsys.readouterr().out.split())
    for words in (
        "--max-failures=INT ",
        "--rounds=INT rounds to go (default: 3)",
        "--host=STRING host to greet",
        "--unit-tests also run",
    ):
        assert words in text
