"""docs/security.md: each claim names a test, and the test exists."""

import re

from tests.helpers.booted_hosts import ROOT

PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
TEST = re.compile(r"`((?:\w+/)*test_\w+\.py)::(test_\w+)`")


def test_each_test_that_the_page_names_exists() -> None:
    named = TEST.findall(PAGE)
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not re.search(rf"^def {name}\(", (ROOT / "tests" / file).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert len(named) > 20
    assert missing == []


def test_each_claim_names_a_test() -> None:
    claims, _, _ = PAGE.partition("## What is not defended")
    blocks = re.split(r"\n(?=\* \*\*|## )", claims.partition("## The control machine")[2])
    without = [block.split("\n")[0] for block in blocks if block.startswith("* **") and not TEST.search(block)]
    assert without == []
