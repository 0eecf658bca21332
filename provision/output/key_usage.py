"""The use of keys that one server has counted: how often it has answered requests with each key, and when last."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """The answers of a server to the requests with one key."""

    id: Annotated[int, Meta(description="the id of the key; the key file may not have that key any more")]
    answers: Annotated[int, Meta(description="how many answers, since the counting began", ge=0)]
    last: Annotated[
        str,
        Meta(description="when the last answer was sent, in UTC", extra_json_schema={"format": "date-time"}),
    ]

    addresses: Annotated[
        tuple[str, ...] | None,
        Meta(description="that were answered in the last 30 days; null without --addresses, or if they are not known"),
    ] = None

    @property
    def at(self) -> datetime:
        """Return the time of the last answer."""
        return datetime.fromisoformat(self.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUsage:
    """The use of all keys on one server."""

    unknown: Annotated[str, Meta(description="why it is not known; empty if it is")] = ""
    since: Annotated[
        str | None,
        Meta(description="when the counting began, in UTC; null: not known", extra_json_schema={"format": "date-time"}),
    ] = None
    as_of: Annotated[
        str | None,
        Meta(
            description="when the counts were read, by the clock of the server, in UTC; null: not known",
            extra_json_schema={"format": "date-time"},
        ),
    ] = None
    keys: Annotated[tuple[KeyUse, ...], Meta(description="the keys that were answered, by id")]
