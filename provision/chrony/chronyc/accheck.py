"""Parse ``chronyc accheck``: whether an address may ask for time."""

from provision.chrony.chronyc.fields import quoted
from provision.common.errors import ParseError


def parse_accheck(text: str) -> bool:
    """Parse ``chronyc accheck ADDRESS``: whether the address may query. The exit status is 0 in both cases."""
    match text.strip():
        case "208 Access allowed":
            return True
        case "209 Access denied":
            return False
    raise ParseError(f"chronyc accheck: unexpected answer {quoted(text)}")
