"""Write a value as TOML."""

import json


def toml_value(value: object, *, width: int | None = None) -> str:
    """Return a value in TOML; a list that is longer than ``width`` characters has a line for each item.

    Without ``width``, all is on one line. Tables are inline.
    """
    match value:
        case bool():
            return str(value).lower()
        case str():
            # TOML and JSON have the same escapes.
            return json.dumps(value, ensure_ascii=False)
        case list():
            return _list([toml_value(item, width=width) for item in value], width)
        case dict():
            return _inline_table([f"{key} = {toml_value(item, width=width)}" for key, item in value.items()])
    return str(value)


def _list(items: list[str], width: int | None) -> str:
    line = f"[{', '.join(items)}]"
    if width is None or len(line) <= width:
        return line
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]"


def _inline_table(entries: list[str]) -> str:
    if not entries:
        return "{}"
    return f"{{ {', '.join(entries)} }}"
