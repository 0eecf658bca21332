"""Values as TOML, read back by a parser."""

import tomllib

import pytest

from provision.site.toml_text import toml_value

VALUES = [
    pytest.param(True, "true", id="a boolean"),
    pytest.param(3, "3", id="a number"),
    pytest.param('a "b" \\ µ\n', '"a \\"b\\" \\\\ µ\\n"', id="text with escapes"),
    pytest.param(["a", 1], '["a", 1]', id="a list"),
    pytest.param({"a": 1, "b": []}, "{ a = 1, b = [] }", id="an inline table"),
    pytest.param({}, "{}", id="an empty table"),
]


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_a_value_is_on_one_line_and_is_read_back(value: object, text: str) -> None:
    assert toml_value(value) == text
    assert tomllib.loads(f"x = {text}") == {"x": value}


def test_a_long_list_has_a_line_for_each_item() -> None:
    text = toml_value(["a" * 30, "b" * 30], width=40)
    assert text == f'[\n    "{"a" * 30}",\n    "{"b" * 30}",\n]'
    assert tomllib.loads(f"x = {text}") == {"x": ["a" * 30, "b" * 30]}
