"""The directives of a chrony.conf, and the keys in them."""

import pytest

from provision.chrony.conf import directives, source_key


def test_directives_are_names_and_a_word() -> None:
    conf = "# none\n! none\nPort 0\nrtcsync\n\n  allow 10/8\n"
    assert list(directives(conf)) == [("port", "0"), ("rtcsync", ""), ("allow", "10/8")]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("server 198.18.0.1 iburst key 7", 7),
        ("  SERVER ntp1 KEY 7 iburst", 7),
        ("peer ntp2 key 4294967295", 4294967295),
        ("pool pool.example.net key 1 key 2", 1),
        ("server key iburst", None),
        ("server key key 3", 3),
        ("server ntp1 nts", None),
        ("# server ntp1 key 1", None),
        ("keyfile key 1", None),
        ("server ntp1 key", None),
        ("server ntp1 key x", None),
        ("", None),
    ],
)
def test_the_key_of_a_source_is_read(line: str, key: int | None) -> None:
    assert source_key(line) == key
