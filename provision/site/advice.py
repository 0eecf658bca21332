"""Find settings of a site that are permitted but rarely intended."""

from collections.abc import Iterator

from provision.site.schema import Site
from provision.site.time import NEVER_SELECTED

SMEARED = (
    *("time.google.com", "time1.google.com", "time2.google.com", "time3.google.com", "time4.google.com"),
    *("time.android.com", "169.254.169.123", "fd00:ec2::123", "time.aws.com"),
    *("time.facebook.com", *(f"time{number}.facebook.com" for number in range(1, 6))),
)
"""Servers that smear a leap second: they are wrong by up to half a second for many hours, according to Google, Amazon
and Facebook.
"""


def warnings(site: Site) -> Iterator[str]:
    """Yield a warning for each setting that is permitted but rarely intended."""
    sources = site.time.sources
    if sources is None:
        return
    if site.time.authselectmode == "require" and (never := list(site.time.unauthenticated())):
        yield f'{", ".join(never)}: never selected: time.authselectmode is "require", {NEVER_SELECTED}'
    if len(sources) == 1 and sources[0].directive == "server" and site.time.local is None:
        yield (
            f"it follows one server alone, {sources[0].address}: a fault of that server cannot be detected; "
            "with three, chronyd outvotes one of them"
        )
    smeared = [source.address for source in sources if source.address.identity in SMEARED]
    if smeared and len(smeared) < len(sources):
        yield f"{', '.join(smeared)} smears leap seconds and the other sources do not: for a day they will differ"
