"""The key file and the command of BusyBox's ntpd."""

import re

import pytest
from hypothesis import given

from provision.common.errors import SiteError
from provision.keys import Key, Keys, make_key
from provision.keys.export.busybox import BUSYBOX
from tests.unit.keys.export.samples import AES, ANY, SERVERS

SHA1 = Key(3, "SHA1", bytes(range(20)))


def test_a_new_sha1_key_fits() -> None:
    assert len(BUSYBOX.keys(Keys((make_key(3, "SHA1"),)), ()).split()[2]) == 40


REFUSED = [
    pytest.param(AES, "BusyBox has MD5 and SHA1 alone", id="AES"),
    pytest.param(Key(1, "SHA1", bytes(32)), "takes 40 characters, and this key has 64: --length 20", id="32 bytes"),
    pytest.param(Key(1, "MD5", b"x" * 41), "takes 40 characters, and this key has 41", id="a long password"),
    pytest.param(Key(1, "MD5", bytes(16)), "takes MD5 keys as text alone", id="random bytes for MD5"),
    pytest.param(Key(65536, "SHA1", bytes(20)), "takes ids up to 65535", id="a large id"),
]


@pytest.mark.parametrize(("key", "words"), REFUSED)
def test_what_busybox_cannot_read_is_refused_with_a_reason(key: Key, words: str) -> None:
    with pytest.raises(SiteError, match=re.escape(words)):
        BUSYBOX.keys(Keys((SHA1, key)), ())


def as_busybox_reads(line: str) -> tuple[int, str, bytes]:
    """Read a line as networking/ntpd.c does."""
    id_, type_, word = line.split()
    assert len(word) <= 40
    return int(id_), type_, word.encode() if type_ == "MD5" else bytes.fromhex(word)


@given(ANY)
def test_busybox_reads_the_exported_key(key: Key) -> None:
    try:
        text = BUSYBOX.keys(Keys((key,)), ())
    except SiteError:
        assert key.id > 65535 or key.type != "SHA1" or len(key.secret) > 20
        return
    assert as_busybox_reads(text) == (key.id, key.type, key.secret)


def test_the_command_asks_each_server_with_the_key() -> None:
    assert BUSYBOX.configuration is not None
    assert BUSYBOX.configuration(Keys((SHA1,)), SERVERS).splitlines()[1:] == [
        "ntpd -k /etc/ntp.keys -p keyno:3:ntp2.example.com -p keyno:3:10.30.0.1"
    ]
