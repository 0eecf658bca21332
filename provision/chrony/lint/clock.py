"""Rules about steps of the system clock, and about the real-time clock."""

from provision.chrony.lint.rule import Conf, Results, Rule, number_in


def _always_steps(conf: Conf) -> Results:
    statement = conf.last("makestep")
    if statement is None or len(statement.arguments) != 2:
        return
    threshold, limit = statement.arguments
    if number_in(threshold) == 0 and number_in(limit) != 0:
        yield statement, "steps the clock at each update, however small its error; 1 second is usual"


def _rtc_twice(conf: Conf) -> Results:
    if conf.named("rtcsync"):
        for statement in conf.named("rtcfile"):
            yield statement, "chronyd does not start: rtcfile and rtcsync exclude each other"


CLOCK = (
    Rule("clock.always-steps", "chrony.conf(5), makestep", _always_steps),
    Rule("clock.rtc-twice", "rtc.c: rtcfile directive cannot be used with rtcsync", _rtc_twice),
)
"""The rules of this module, in the order of docs/lint.md."""
