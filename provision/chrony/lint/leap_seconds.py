"""Rules about leap seconds, which some servers smear over a day."""

from provision.chrony.lint.rule import Conf, Results, Rule, address_of
from provision.chrony.statement import Statement

SMEARING = frozenset(
    (
        *("time.google.com", "time1.google.com", "time2.google.com", "time3.google.com", "time4.google.com"),
        *("time.android.com", "169.254.169.123", "fd00:ec2::123", "time.aws.com"),
        *("time.facebook.com", *(f"time{number}.facebook.com" for number in range(1, 6))),
    )
)
"""Servers that smear a leap second: they are wrong by up to half a second for many hours, according to Google, Amazon
and Facebook."""

FROM_TIME_ZONE = ("leapsectz", "leapseclist")


def _smears(source: Statement) -> bool:
    return address_of(source).lower().rstrip(".") in SMEARING


def _smear_mixed(conf: Conf) -> Results:
    smeared = [source for source in conf.ntp_sources if _smears(source)]
    if 0 < len(smeared) < len(conf.ntp_sources):
        names = ", ".join(map(address_of, smeared))
        yield (
            smeared[0],
            f"{names} smears leap seconds and the other sources do not: for a day they will differ",
        )


def _smear_with_leap_seconds(conf: Conf) -> Results:
    if not any(map(_smears, conf.ntp_sources)):
        return
    for statement in conf.named(*FROM_TIME_ZONE):
        yield statement, "the leap second is applied twice: the sources smear it, and this host inserts it"


LEAP_SECONDS = (
    Rule("leap.smear-mixed", "chrony.conf(5), leapsecmode", _smear_mixed),
    Rule("leap.smear-with-leap-seconds", "chrony.conf(5), leapsectz", _smear_with_leap_seconds),
)
"""The rules of this module, in the order of docs/lint.md."""
