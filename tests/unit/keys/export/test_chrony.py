"""The key file and the chrony.conf of another chronyd."""

from provision.keys import Keys
from provision.keys.export.chrony import CHRONY
from tests.unit.keys.export.samples import AES, AES256, AES_DIGITS, SERVERS


def test_keys_are_written_as_chronyd_reads_them() -> None:
    assert CHRONY.keys(Keys((AES,)), SERVERS) == f"7 AES128 HEX:{AES_DIGITS}\n"


def test_each_server_is_asked_with_the_first_key() -> None:
    assert CHRONY.configuration is not None
    assert CHRONY.configuration(Keys((AES, AES256)), SERVERS).splitlines()[1:] == [
        "keyfile /etc/chrony/chrony.keys",
        "server ntp2.example.com iburst key 7",
        "server 10.30.0.1 iburst key 7",
    ]


def test_without_a_known_server_the_line_is_a_comment() -> None:
    assert CHRONY.configuration is not None
    lines = CHRONY.configuration(Keys((AES,)), ()).splitlines()
    assert lines[1:] == [
        "keyfile /etc/chrony/chrony.keys",
        "# server ADDRESS iburst key 7   (keys.export --server ADDRESS writes this line)",
    ]
