"""The generation that would replace a time service, as far as it is compared."""

from dataclasses import dataclass, field

from provision.chrony.statement import Statement, statements
from provision.keys import Keys
from provision.takeover.command_line import parse_chronyd


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The generation that would replace a time service, as far as it is compared."""

    statements: tuple[Statement, ...]
    keys: Keys = field(repr=False)
    options: tuple[tuple[str, str], ...] = ()
    """Letter and argument of the options of its chronyd."""

    @classmethod
    def of(cls, conf: str, unit: str, keys: Keys) -> "Wanted":
        """Return the wanted state of a chrony.conf, a unit, and keys."""
        commands = [line.removeprefix("ExecStart=") for line in unit.splitlines() if line.startswith("ExecStart=")]
        words = "".join(commands[:1]).split()
        return cls(statements=tuple(statements(conf)), keys=keys, options=parse_chronyd(words).options)
