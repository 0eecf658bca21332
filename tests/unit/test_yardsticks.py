"""The yardsticks: which text is prose, which words are counted, and the exit status."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").exists()) / ".ci/yardsticks.py"


def load() -> ModuleType:
    """Import the script, which lies in no package."""
    spec = importlib.util.spec_from_file_location("yardsticks", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


yardsticks = load()


@pytest.mark.parametrize(
    ("prose", "hits", "words"),
    [
        pytest.param("", 0, 0, id="nothing"),
        pytest.param("Read what the host says.", 1, 5, id="a clause"),
        pytest.param("Whatever it prints, whoever asks, whichever comes first.", 3, 8, id="its relatives"),
        pytest.param("A somewhat whatnot.", 0, 3, id="parts of other words"),
        pytest.param("What is a site?", 0, 4, id="a question"),
        pytest.param("What is a site? It is what an operator writes.", 1, 10, id="a question, then a clause"),
        pytest.param("A heading\n\nWhat it is", 1, 5, id="paragraphs without a full stop"),
        pytest.param("chrony 4.9 on port 123", 0, 3, id="numbers are no words"),
    ],
)
def test_clauses_are_counted_by_sentence(prose: str, hits: int, words: int) -> None:
    assert yardsticks.clauses(prose) == yardsticks.Count(hits, words)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param("one `two` three", ["one", "three"], id="a code span"),
        pytest.param("one ``two ` two`` three", ["one", "three"], id="a code span with a backtick"),
        pytest.param("one\n\n```\ntwo\n```\nthree", ["one", "three"], id="a fenced block"),
        pytest.param("one\n\n    two\n\n    two\n\nthree", ["one", "three"], id="an indented block"),
        pytest.param("one\n    two\n\nthree", ["one", "two", "three"], id="a continued line"),
        pytest.param("* one\n\n    two\n\nthree\n\n    four", ["one", "two", "three"], id="a paragraph of a list"),
        pytest.param("[one](docs/two.md) <https://two.example/> three", ["one", "three"], id="addresses"),
        pytest.param("one <!-- two --> three", ["one", "three"], id="an HTML comment"),
        pytest.param("| one | two |\n|---|---|\n| three | `four` |", ["one", "two", "three"], id="a table"),
    ],
)
def test_code_in_a_document_is_no_prose(document: str, words: list[str]) -> None:
    assert yardsticks.WORD.findall(yardsticks.markdown_prose(document)) == words


def test_the_prose_of_a_module_are_its_docstrings_and_comments() -> None:
    source = '''"""Module, with `code`."""
# First line of a comment,
# and second. What is it?
LIMIT = 3  # noqa: X
"""Attribute."""
text = "# string"
def f():
    """Function.

    What it returns.
    """
'''
    assert yardsticks.clauses(yardsticks.python_prose(source)) == yardsticks.Count(1, 17)


def test_the_prose_of_a_shell_script_are_its_comments() -> None:
    source = """#!/bin/sh
# shellcheck disable=SC1
# What it prints,
# and why.
x=$# # what is left
echo "# what"
"""
    assert yardsticks.clauses(yardsticks.shell_prose(source)) == yardsticks.Count(2, 8)


@pytest.mark.parametrize(
    ("source", "conditional", "comprehensions"),
    [
        pytest.param("x = 1\n\ny = 2\n", 0, 0, id="neither"),
        pytest.param("x = a if b else c\ny = 0", 1, 0, id="a conditional expression"),
        pytest.param("if a:\n    b", 0, 0, id="a statement"),
        pytest.param("[a for a in b]\nany(a for a in b)", 0, 2, id="a list and a generator expression"),
        pytest.param("{a for a in b}\n{a: a for a in b if (1 if a else 2)}", 1, 2, id="a set and a dictionary"),
    ],
)
def test_expressions_are_counted_by_lines_that_are_not_blank(
    source: str, conditional: int, comprehensions: int
) -> None:
    assert yardsticks.expressions(source, (ast.IfExp,)) == yardsticks.Count(conditional, 2)
    assert yardsticks.expressions(source, yardsticks.COMPREHENSIONS) == yardsticks.Count(comprehensions, 2)


@pytest.mark.parametrize(
    ("text", "arguments", "status"),
    [
        pytest.param("It names each thing.", ["--enforce"], 0, id="met"),
        pytest.param("It is what it is.", ["--enforce"], 1, id="missed"),
        pytest.param("It is what it is.", [], 0, id="missed, and only printed"),
    ],
)
def test_a_missed_yardstick_fails_only_where_that_is_asked_for(
    text: str, arguments: list[str], status: int, tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_text(text)
    assert yardsticks.main(arguments, tmp_path) == status


def test_each_kind_is_one_line_and_its_files_are_listed_with_the_worst_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("It is what it is.")
    (tmp_path / "docs/page.md").write_text("What it does is what it says.")
    (tmp_path / "provision").mkdir()
    (tmp_path / "provision/one.py").write_text('"""Name one thing."""\nx = [y for y in z]\n')
    assert yardsticks.main(["--files"], tmp_path) == 0
    assert capsys.readouterr().out.splitlines() == [
        "what-clauses in documents: 250.0 per 1,000 words (3 in 12), yardstick at most 3: MISSED",
        "     2  285.7  docs/page.md",
        "     1  200.0  README.md",
        "what-clauses in docstrings and comments: 0.0 per 1,000 words (0 in 3), yardstick at most 3: met",
        "conditional expressions: 0.0 per 1,000 lines (0 in 2), yardstick at most 10: met",
        "comprehensions: 500.0 per 1,000 lines (1 in 2)",
        "     1  500.0  provision/one.py",
    ]
