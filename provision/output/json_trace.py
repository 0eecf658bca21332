"""Make the data of a path of the time, which the task ``trace`` puts into the JSON document. Pure."""

from dataclasses import dataclass
from typing import Annotated, Self

from msgspec import Meta

from provision.output.status import Authentication
from provision.output.trace import End, Hop, Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class HopData:
    """A host on the path, and the source that it follows."""

    name: Annotated[str, Meta(description="a host of the site, or the name of a source outside of it")]
    asked: Annotated[bool, Meta(description="false: a source outside of the site, of which only its answers are known")]
    stratum: int
    reference: Annotated[
        str,
        Meta(
            description="what it follows: of a host, the address of the selected source, local or empty; of a source "
            "outside of the site, its reference id as an address or a name, empty if it is not known"
        ),
    ]
    offset_seconds: Annotated[float | None, Meta(description="positive: the clock is ahead; null if it is not known")]
    error_bound_seconds: Annotated[
        float | None, Meta(description="largest possible error, from here to stratum 1; null if it is not known")
    ]
    follows: Annotated[str | None, Meta(description="the selected source, as chrony.conf names it; null: none")]
    authentication: Annotated[Authentication | None, Meta(description="of that source; null: there is none")]
    key_id: Annotated[int | None, Meta(description="null without a symmetric key")]
    authenticated: Annotated[
        bool | None, Meta(description="whether its last answer was authenticated; null if that is not known")
    ]
    unauthenticated: Annotated[
        bool, Meta(description="the source is neither a device of the host nor validly authenticated")
    ]

    @classmethod
    def of(cls, hop: Hop) -> Self:
        """Return the data of a hop."""
        clock, source = hop.clock, hop.source
        return cls(
            name=hop.name,
            asked=clock is not None,
            stratum=hop.stratum,
            reference=hop.reference,
            offset_seconds=clock.offset_seconds if clock else None,
            error_bound_seconds=clock.error_bound_seconds if clock else None,
            follows=source.name if source else None,
            authentication=source.authentication if source else None,
            key_id=source.key_id if source else None,
            authenticated=source.authenticated if source else None,
            unauthenticated=not hop.is_authenticated,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceData:
    """The path from a host to the origin of its time."""

    hops: Annotated[list[HopData], Meta(description="from the host that was named to the end")]
    end: Annotated[End, Meta(description="how the path ends")]
    words: Annotated[str, Meta(description="the same for people")]
    reaches_origin: Annotated[bool, Meta(description="it ends at a device, or at a source outside of the site")]
    loop: Annotated[tuple[str, ...], Meta(description="the hosts that follow each other in a circle; empty: none do")]
    not_authenticated: Annotated[
        tuple[str, ...], Meta(description="the hosts whose source is not validly authenticated")
    ]
    error_bound_seconds: Annotated[
        float | None,
        Meta(description="largest possible error of the first host: the sum of all hops; null if it is not known"),
    ]

    @classmethod
    def of(cls, path: Trace) -> Self:
        """Return the data of a path."""
        return cls(
            hops=[HopData.of(hop) for hop in path.hops],
            end=path.end,
            words=path.words,
            reaches_origin=path.reaches_origin,
            loop=path.loop,
            not_authenticated=tuple(hop.name for hop in path.unauthenticated),
            error_bound_seconds=path.error_bound_seconds,
        )
