"""Parse ``chronyc -c tracking``: the system clock relative to its reference."""

from dataclasses import dataclass

from provision.chrony.chronyc.fields import LARGEST_STRATUM, check, number, parse_line, whole_number, with_whole_name
from provision.chrony.reference_id import LOCAL_REFERENCE, NO_REFERENCE

LEAPS = ("Normal", "Insert second", "Delete second", "Not synchronised")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Describe the system clock relative to its reference, from ``tracking``."""

    reference_id: str
    """8 hex digits: the IPv4 address of the source, a hash of its IPv6 address, or the name of a reference clock."""
    source: str
    """Name or address; empty without a source."""
    stratum: int
    reference_time: float
    """Time of the last measurement that was used, seconds since 1970."""
    offset: float
    """Seconds; positive: the system clock is slow."""
    last_offset: float
    """Seconds, at the last clock update; positive: the system clock was ahead."""
    rms_offset: float
    """Long-term average of the last offset, seconds."""
    frequency: float
    """Frequency error of the clock without correction, ppm; positive: fast."""
    residual_frequency: float
    """Frequency by the selected source minus the one in use, ppm."""
    skew: float
    """Error bound of the frequency, ppm."""
    root_delay: float
    """Network delay to the stratum-1 server and back, seconds."""
    root_dispersion: float
    """Seconds."""
    update_interval: float
    """Seconds between the last two clock updates."""
    leap: str
    """``Normal``, ``Insert second``, ``Delete second`` or ``Not synchronised``."""

    @property
    def synchronised(self) -> bool:
        """Return whether the clock follows a source (as ``chronyc waitsync``); ``local`` is not one."""
        return self.leap != "Not synchronised" and self.reference_id not in {NO_REFERENCE, LOCAL_REFERENCE}

    @property
    def error_bound(self) -> float:
        """Return the largest possible error of the clock now, in seconds (chronyc(1), "tracking", Root dispersion).

        The last offset is not included: after a step of the clock, it is the size of the step.
        """
        return abs(self.offset) + self.root_dispersion + self.root_delay / 2


def parse_tracking(text: str) -> Tracking:
    """Parse ``chronyc -c tracking``."""
    return parse_line("tracking", text, _tracking)


def _tracking(fields: list[str]) -> Tracking:
    reference_id, source, stratum, reference_time, *numbers, leap = with_whole_name(fields, 14, place=1)
    offset, last_offset, rms_offset, frequency, residual, skew, delay, dispersion, interval = map(number, numbers)
    check(leap in LEAPS)
    return Tracking(
        reference_id=reference_id,
        source=source,
        stratum=whole_number(stratum, most=LARGEST_STRATUM),
        reference_time=number(reference_time),
        offset=offset,
        last_offset=last_offset,
        rms_offset=rms_offset,
        frequency=frequency,
        residual_frequency=residual,
        skew=skew,
        root_delay=delay,
        root_dispersion=dispersion,
        update_interval=interval,
        leap=leap,
    )
