"""What of a site is allowed, and rarely meant."""

from collections.abc import Iterator

from provision.site import Site

SMEARED = (
    *("time.google.com", "time1.google.com", "time2.google.com", "time3.google.com", "time4.google.com"),
    *("time.android.com", "169.254.169.123", "fd00:ec2::123", "time.aws.com"),
    *("time.facebook.com", *(f"time{number}.facebook.com" for number in range(1, 6))),
)
"""Servers that spread a leap second over many hours, so that they are wrong by up to half a second meanwhile, as
Google, Amazon and Facebook say of their own."""


def warnings(site: Site) -> Iterator[str]:
    """Yield what is allowed, and rarely meant."""
    sources = site.time.sources
    if sources is None:
        return
    if len(sources) == 1 and sources[0].directive == "server" and site.time.local is None:
        yield (
            f"it follows one server alone, {sources[0].address}: nobody can tell when that one is wrong; "
            "with three, chronyd outvotes one of them"
        )
    smeared = [source.address for source in sources if source.address.identity in SMEARED]
    if smeared and len(smeared) < len(sources):
        yield f"{', '.join(smeared)} smears leap seconds and the other sources do not: for a day they will differ"
