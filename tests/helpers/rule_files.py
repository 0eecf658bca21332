"""Files of an audit's rules, as an operator writes them for --rules."""


def rule_file(title: str, condition: str) -> str:
    """Return a set with one rule, number 7 of a document for Debian 12; ``condition`` is the line of what it wants."""
    return f"""
title = "Rules of the house"
[documents.debian-12]
title = "House rules"
version = "3"
read = "the notice board"
[[rules]]
title = "{title}"
ids = {{ debian-12 = "7" }}
{condition}
"""
