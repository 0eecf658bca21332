"""Read ids of keys as the state of a host has them: ranges such as ``1-50,60``."""


def parse_key_ids(text: str) -> tuple[range, ...]:
    """Return the ranges in a text such as ``1-50,60``; none for an empty text. Raises ValueError."""
    if not text:
        return ()
    return tuple(map(_range, text.split(",")))


def _range(part: str) -> range:
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)
