"""The reference of chrony's language in the docs is that of the table."""

from tests.helpers.language_page import PAGE, page


def test_the_page_is_written_from_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.helpers.language_page"


def test_each_directive_and_option_has_a_row() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert len([row for row in rows if row.startswith("| `server` |")]) == 1
    assert len(rows) == len(set(rows)) >= 100 + 37
    # Each row has four cells, whatever a value contains.
    assert {row.count("|") for row in rows} == {5}
