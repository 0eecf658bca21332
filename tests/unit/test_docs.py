"""The documentation names files, headings and decisions that exist."""

import posixpath
import re
import tomllib
from pathlib import Path

import pytest

from tests.helpers.booted_hosts import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
LINK = re.compile(r"\]\((?!\w+:)(?P<path>[^)\s#]*)(?:#(?P<anchor>[^)\s]+))?\)")
"""A link to another page or heading, and not to another site."""
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SOURCE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|sh|j2))`")
"""A file of this repository: its path below one of the folders ``BASES``, or its name alone."""
BASES = ("", "provision", "tests", "tests/unit")
NEW = {
    "provision/deploy/clients.py",
    "provision/host/packages/xbps.py",
    "provision/host/scripts/look/print_clients.sh",
    "tests/unit/deploy/test_clients.py",
}
"""The files that the examples in CONTRIBUTING.md would add."""
DECISIONS = sorted((ROOT / "docs/adr").glob("0*.md"))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the forges and the site make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {re.sub(r"\s+", "-", word.strip()) for word in words}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_files_and_headings_that_exist(name: str) -> None:
    broken = []
    for link in LINK.finditer(prose(ROOT / name)):
        target = ROOT / posixpath.normpath(posixpath.join(posixpath.dirname(name), link["path"]))
        page = target if link["path"] else ROOT / name
        if not page.exists() or (link["anchor"] and link["anchor"] not in anchors(page)):
            broken.append(link[0])
    assert broken == []


FILES = {path.name for folder in ("provision", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.*")}


@pytest.mark.parametrize("name", NAMES)
def test_source_files_that_a_page_names_exist(name: str) -> None:
    named = set(SOURCE.findall(prose(ROOT / name)))
    missing = {
        path
        for path in named
        if not any((ROOT / base / path).is_file() for base in BASES) and ("/" in path or path not in FILES)
    }
    assert missing == (NEW if name == "CONTRIBUTING.md" else set())


def test_decisions_are_numbered_and_listed() -> None:
    index = (ROOT / "docs/adr/index.md").read_text(encoding="utf-8")
    assert [page.name[:4] for page in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    assert re.findall(r"\]\((0[\w-]+\.md)\)", index) == [page.name for page in DECISIONS]


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_status_context_decision_and_consequences(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(page.name[:4])}. ")
    assert re.search(r"^\*\*Status:\*\* (accepted|replaced by \[)", text, re.MULTILINE)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_licence_of_the_package_is_the_one_in_the_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "MIT"
    assert (ROOT / project["license-files"][0]).read_text().startswith("MIT License\n")


def test_the_changelog_has_the_usual_categories() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased = text.partition("\n## Unreleased\n")[2].partition("\n## ")[0]
    usual = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    found = re.findall(r"^### (.+)$", unreleased, re.MULTILINE)
    assert found == [category for category in usual if category in found]
