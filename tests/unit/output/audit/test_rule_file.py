"""Files of rules: the shipped ones are sound, and a fault of another one is one line."""

import re
from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.output.audit.rule_file import read_rules, shipped_names
from tests.helpers.booted_hosts import ROOT
from tests.helpers.rule_files import rule_file

GOOD = rule_file("The clock is right", 'findings = ["clock.synchronised"]')


def test_there_are_sets_of_cis_and_stig() -> None:
    assert shipped_names() == ["cis", "stig"]


@pytest.mark.parametrize("name", ["cis", "stig"])
def test_a_shipped_set_names_checks_that_exist_and_each_id_once(name: str) -> None:
    rules = read_rules(name)
    checks = set(re.findall(r"^\| `([a-z-]+\.[a-z-]+)` \|", (ROOT / "docs/checks.md").read_text(), re.MULTILINE))
    assert {check for rule in rules.rules for check in rule.findings} <= checks
    for platform, document in rules.documents.items():
        ids = [rule.ids[platform] for rule in rules.rules if platform in rule.ids]
        assert len(set(ids)) == len(ids) >= 3
        assert re.search(r"commit [0-9a-f]{12} of \d{4}-\d\d-\d\d, \S+\.yml$", document.read)


def test_a_file_of_an_operator_is_read(tmp_path: Path) -> None:
    path = tmp_path / "house.toml"
    path.write_text(GOOD)
    rules = read_rules(str(path))
    assert (rules.title, rules.documents["debian-12"].version, rules.rules[0].findings) == (
        "Rules of the house",
        "3",
        ("clock.synchronised",),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title = ", "Invalid value (at end of document)"),
        ("title = 7", "Expected `str`, got `int` - at `$.title`"),
        (GOOD.replace("findings", "finding"), "Object contains unknown field `finding` - at `$.rules[0]`"),
        (GOOD.replace("ids", "name"), "Object contains unknown field `name` - at `$.rules[0]`"),
        (GOOD.replace('ids = { debian-12 = "7" }', "ids = {}"), "Expected `object` of length >= 1"),
        (GOOD.replace("[documents.debian-12]", "[documents.debian-13]"), "rule 'The clock is right': there is no "),
        ("x = " + "[" * 2000, "maximum recursion depth exceeded"),
        ("title = '\udcff'", "'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_a_fault_of_a_file_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SiteError) as caught:
        read_rules(str(path))
    message = str(caught.value)
    assert message.startswith(f"--rules {path}: ")
    assert words in message
    assert "\n" not in message


def test_a_name_that_is_neither_a_file_nor_a_set_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(SiteError) as caught:
        read_rules("stigs")
    assert str(caught.value) == (
        "--rules stigs: there is no such file, and no set of this name (cis, stig); did you mean 'stig'?"
    )
    with pytest.raises(SiteError, match=r"^--rules .*: cannot be read: "):
        read_rules(str(tmp_path))
