"""The table of chrony's language: all of it, and how a site deals with each row."""

import pytest

from provision.chrony.language.table import How, directive, source_option, table


def test_it_has_every_directive_and_every_source_option() -> None:
    # The names in conf.c and cmdparse.c of chrony 4.9.
    assert (len(table().directives), len(table().source_options)) == (100, 37)


@pytest.mark.parametrize(
    ("name", "how", "text"),
    [
        ("minsources", How.KEY, "time.minsources"),
        ("hwtimestamp", How.LINE, ""),
        ("dumpdir", How.DEPLOYMENT, "measurements are kept in /run, for a restart alone"),
        ("mailonchange", How.REFUSED, "the service has no right to start sendmail"),
        ("linux_hz", How.GONE, "chrony no longer supports it"),
    ],
)
def test_each_directive_has_its_treatment(name: str, how: How, text: str) -> None:
    found = directive(name.upper())
    assert found is not None
    assert (found.site.how, found.site.text) == (how, text)


def test_options_of_a_source_have_one_too() -> None:
    keyed, free, refused = (source_option(name) for name in ("MinPoll", "copy", "offline"))
    assert keyed is not None
    assert free is not None
    assert refused is not None
    assert [option.site.how for option in (keyed, free, refused)] == [How.KEY, How.LINE, How.REFUSED]
    assert free.since == "4.1"


def test_unknown_names_are_none() -> None:
    assert directive("colour") is None
    assert source_option("colour") is None
