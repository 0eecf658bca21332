"""Rules about directives that chrony no longer supports."""

from provision.chrony.lint.rule import Conf, Results, Rule


def _no_more(conf: Conf) -> Results:
    for statement in conf.named("commandkey", "generatecommandkey", "linux_freq_scale", "linux_hz", "dumponexit"):
        yield statement, f"chrony no longer supports {statement.name}, and ignores it"


DIRECTIVES = (Rule("directive.no-longer-supported", "conf.c: directive is no longer supported", _no_more),)
"""The rules of this module, in the order of docs/lint.md."""
