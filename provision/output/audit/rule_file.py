"""Read files of rules: those of an operator, and those that come with this tool."""

import tomllib
from pathlib import Path

import msgspec

from provision.common.errors import SiteError
from provision.common.files.regular import read_regular
from provision.common.text import nearest, on_one_line
from provision.output.audit.rules import RuleSet

SHIPPED = Path(__file__).parent / "rule_sets"
MOST_BYTES = 1024 * 1024


def shipped_names() -> list[str]:
    """Return the names of the sets that come with this tool."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def read_rules(name: str) -> RuleSet:
    """Return the rules of a file, or of a set that comes with this tool, such as ``cis``. Raises SiteError."""
    path = Path(name)
    if name in shipped_names():
        path = SHIPPED / f"{name}.toml"
    try:
        text = read_regular(path, MOST_BYTES).decode()
        rules = msgspec.convert(tomllib.loads(text), RuleSet)
    except FileNotFoundError as error:
        names = shipped_names()
        raise SiteError(
            f"--rules {name}: there is no such file, and no set of this name ({', '.join(names)}){nearest(name, names)}"
        ) from error
    except OSError as error:
        raise SiteError(f"--rules {name}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        # ValueError: no UTF-8, no TOML, or not the tables of a set of rules.
        raise SiteError(f"--rules {name}: {on_one_line(str(error))}") from error
    if fault := next(rules.faults(), None):
        raise SiteError(f"--rules {name}: {fault}")
    return rules
