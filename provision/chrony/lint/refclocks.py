"""Rules about reference clocks."""

from provision.chrony.lint.rule import Conf, Results, Rule, address_of, option, options
from provision.chrony.statement import Statement


def _pps_alone(conf: Conf) -> Results:
    clocks = conf.named("refclock")
    pulses = [clock for clock in clocks if clock.arguments[:1] == ("PPS",)]
    if len(pulses) < len(clocks) or conf.named("server", "pool", "peer", "manual", "sourcedir"):
        return
    if pulses and not any("local" in options(clock) for clock in pulses):
        yield pulses[0], "a pulse alone does not tell which second it marks: name another source or refclock"


def _unknown_lock(conf: Conf) -> Results:
    clocks = conf.named("refclock")
    known = {option(clock, "refid") or _default_refid(clock, number) for number, clock in enumerate(clocks)}
    for clock in clocks:
        lock = option(clock, "lock")
        if lock is not None and lock not in known:
            yield clock, f"no refclock has refid {lock}: the lock has no effect"


def _default_refid(clock: Statement, number: int) -> str:
    """Return the refid of a clock without the option: refclock.c, RCL_AddRefclock."""
    return f"{address_of(clock)[:3]}{number % 10}"


REFCLOCKS = (
    Rule("refclock.pps-alone", "chrony.conf(5), refclock, PPS", _pps_alone),
    Rule("refclock.unknown-lock", "refclock.c: Invalid lock refid", _unknown_lock),
)
"""The rules of this module, in the order of docs/lint.md."""
