"""A loss in words: what was, and what comes instead."""

import pytest

from provision.common.results import Loss


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (Loss(id="refclock", was="refclock SHM 0"), "refclock SHM 0"),
        (Loss(id="local", was="local", now="local stratum 5"), "local → local stratum 5"),
        (Loss(id="ipv6", was="", now="IPv6 opens"), "IPv6 opens"),
    ],
)
def test_words(loss: Loss, words: str) -> None:
    assert str(loss) == words
