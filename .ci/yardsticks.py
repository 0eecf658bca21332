#!/usr/bin/env python3
"""Count the habits of language and code that this project keeps low.

Two kinds of clause and of expression are counted over the repository:

* "what"-clauses ("what is there", "whoever asks") per 1,000 words of prose. Prose is the text of the Markdown
  documents, and the docstrings and comments of ``provision/`` and of the shell scripts. Code blocks, code spans and
  addresses are left out, and so is a sentence that ends with a question mark.
* Conditional expressions (``a if b else c``) and comprehensions per 1,000 lines of ``provision/``, blank
  lines left out.

The yardsticks are the figures of comparable projects: pyinfra, httpx, pip-audit and scriv have 0 to 1.3 "what"-clauses,
1 to 12 conditional expressions and 6 to 10 comprehensions.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("*.md", "docs/**/*.md")
MODULES = ("provision/**/*.py",)
SCRIPTS = ("provision/**/*.sh", "benchmarks/*.sh", ".ci/run")

CLAUSE = re.compile(r"\b(?:what|whatever|whatsoever|whoever|whichever)\b", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_][\w'-]*")
SENTENCE = re.compile(r"(?<=[.!?])[\"')*_]*\s+|\n{2,}")
CODE_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
ADDRESS = re.compile(r"\]\([^)\s]*\)|<?https?://[^\s>)]+>?")
HTML_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
LIST_ITEM = re.compile(r" *(?:[*+-]|\d+[.)]) ")
DIRECTIVE = re.compile(r"noqa\b|type: ignore|shellcheck |fmt: |pragma: |!")
"""Comments for a tool or the kernel, not for a reader."""
SHELL_COMMENT = re.compile(r"(?:^|\s)#(?P<text>.*)$")
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
MOST_FILES = 10
"""Files that ``--files`` lists for each kind."""


@dataclass(frozen=True)
class Count:
    """How often something occurs in so many words or lines."""

    hits: int
    size: int

    @property
    def rate(self) -> float:
        """Return the occurrences per 1,000 words or lines."""
        if self.size == 0:
            return 0.0
        return 1000 * self.hits / self.size


@dataclass(frozen=True)
class Kind:
    """One habit: where it is counted, in which unit, and the yardstick for it."""

    name: str
    unit: str
    patterns: tuple[str, ...]
    count: Callable[[Path], Count]
    most: float | None = None
    """The highest rate that is accepted; ``None`` if the rate is only shown."""


def clauses(prose: str) -> Count:
    """Count the "what"-clauses and the words of a text without markup."""
    hits = 0
    for sentence in SENTENCE.split(prose):
        if not sentence.rstrip(" \t\n\"')*_").endswith("?"):
            hits += len(CLAUSE.findall(sentence))
    return Count(hits, len(WORD.findall(prose)))


def without_code(text: str) -> str:
    """Remove code spans and addresses from a text."""
    return ADDRESS.sub(" ", CODE_SPAN.sub(" ", text))


def markdown_prose(text: str) -> str:
    """Return the prose of a Markdown document: no code blocks, code spans, addresses and HTML comments."""
    return without_code(HTML_COMMENT.sub(" ", "\n".join(_without_code_blocks(text.splitlines()))))


def _without_code_blocks(lines: Iterable[str]) -> Iterator[str]:
    fence = ""
    previous = ""
    in_list = False
    for line in lines:
        bare = line.strip()
        if fence:
            if bare.startswith(fence):
                fence = ""
            continue
        if bare.startswith(("```", "~~~")):
            fence = bare[:3]
            continue
        indented = line.startswith("    ") and not in_list
        if indented and previous == "":
            continue
        if LIST_ITEM.match(line):
            in_list = True
        elif bare and not line.startswith(" "):
            in_list = False
        previous = bare
        yield line


def python_prose(source: str) -> str:
    """Return the docstrings and comments of a Python module, one paragraph each, without code spans."""
    blocks: list[str] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                blocks.append(text)
    comments = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    blocks += _paragraphs(comments)
    return without_code("\n\n".join(blocks))


def shell_prose(source: str) -> str:
    """Return the comments of a shell script, one paragraph each, without code spans."""
    comments: list[tuple[int, str]] = []
    for number, line in enumerate(source.splitlines(), start=1):
        found = SHELL_COMMENT.search(line)
        if found is None:
            continue
        before = line[: found.start()]
        # A # between quotes is no comment.
        if before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
            comments.append((number, found["text"]))
    return without_code("\n\n".join(_paragraphs(comments)))


def _paragraphs(comments: Iterable[tuple[int, str]]) -> list[str]:
    """Join the comments of adjacent lines: a sentence may take several."""
    paragraphs: list[str] = []
    last = 0
    for number, comment in comments:
        text = comment.lstrip("#").strip()
        if DIRECTIVE.match(text):
            continue
        if paragraphs and number == last + 1:
            paragraphs[-1] += f"\n{text}"
        else:
            paragraphs.append(text)
        last = number
    return paragraphs


def expressions(source: str, kinds: tuple[type[ast.expr], ...]) -> Count:
    """Count the expressions of some kinds, and the lines that are not blank, of a Python module."""
    hits = sum(isinstance(node, kinds) for node in ast.walk(ast.parse(source)))
    return Count(hits, sum(1 for line in source.splitlines() if line.strip()))


def clauses_of_file(path: Path) -> Count:
    """Count the "what"-clauses and the words of a document, a module or a shell script."""
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".md":
            return clauses(markdown_prose(text))
        case ".py":
            return clauses(python_prose(text))
    return clauses(shell_prose(text))


def conditional_expressions_of_file(path: Path) -> Count:
    """Count the conditional expressions and the lines of a module."""
    return expressions(path.read_text(encoding="utf-8"), (ast.IfExp,))


def comprehensions_of_file(path: Path) -> Count:
    """Count the comprehensions, generator expressions among them, and the lines of a module."""
    return expressions(path.read_text(encoding="utf-8"), COMPREHENSIONS)


KINDS = (
    Kind("what-clauses in documents", "words", DOCUMENTS, clauses_of_file, most=3),
    Kind("what-clauses in docstrings and comments", "words", (*MODULES, *SCRIPTS), clauses_of_file, most=3),
    Kind("conditional expressions", "lines", MODULES, conditional_expressions_of_file, most=10),
    Kind("comprehensions", "lines", MODULES, comprehensions_of_file),
)


def count(kind: Kind, root: Path) -> dict[str, Count]:
    """Count one kind in each of its files below ``root``; the keys are paths relative to it."""
    paths = {path for pattern in kind.patterns for path in root.glob(pattern)}
    return {str(path.relative_to(root)): kind.count(path) for path in sorted(paths)}


def total(counts: Mapping[str, Count]) -> Count:
    """Add up the counts of several files."""
    return Count(sum(one.hits for one in counts.values()), sum(one.size for one in counts.values()))


def line_of(kind: Kind, whole: Count) -> str:
    """Return the line that is printed for one kind."""
    line = f"{kind.name}: {whole.rate:.1f} per 1,000 {kind.unit} ({whole.hits} in {whole.size:,})"
    if kind.most is None:
        return line
    verdict = "met" if whole.rate <= kind.most else "MISSED"
    return f"{line}, yardstick at most {kind.most:g}: {verdict}"


def worst(counts: Mapping[str, Count]) -> list[tuple[str, Count]]:
    """Return the files with the most occurrences, highest first, at most ``MOST_FILES``."""
    found = [(name, one) for name, one in counts.items() if one.hits]
    return sorted(found, key=lambda item: (-item[1].hits, item[0]))[:MOST_FILES]


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Print the figures; return 1 if a yardstick is missed and ``--enforce`` is given, otherwise 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", action="store_true", help="also list the files with the most occurrences")
    parser.add_argument("--enforce", action="store_true", help="exit with status 1 if a yardstick is missed")
    options = parser.parse_args(arguments)
    missed = False
    for kind in KINDS:
        counts = count(kind, root)
        whole = total(counts)
        missed = missed or (kind.most is not None and whole.rate > kind.most)
        print(line_of(kind, whole))
        if options.files:
            for name, one in worst(counts):
                print(f"  {one.hits:4}  {one.rate:5.1f}  {name}")
    return int(missed and options.enforce)


if __name__ == "__main__":
    sys.exit(main())
