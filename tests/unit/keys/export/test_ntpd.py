"""The key file and the lines of ntp.conf for ntpd of ntp.org and of NTPsec."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.errors import SiteError
from provision.keys import Key, Keys
from provision.keys.export.format import Format
from provision.keys.export.ntpd import NTPD, NTPD_TYPES, NTPSEC, NTPSEC_TYPES
from tests.unit.keys.export.samples import AES, AES256, AES_DIGITS, ANY, PASSWORD, SERVERS

WRITTEN = [
    pytest.param(NTPD, AES, f"7 AES128CMAC {AES_DIGITS}\n", id="ntpd"),
    pytest.param(NTPD, PASSWORD, "9 SHA1 ten-chars!\n", id="what ntpd would take for a password is one"),
    pytest.param(NTPSEC, AES, f"7 AES-128 {AES_DIGITS}\n", id="NTPsec"),
    pytest.param(NTPSEC, AES256, f"8 AES-256 {bytes(range(32)).hex().upper()}\n", id="NTPsec's AES-256"),
]


@pytest.mark.parametrize(("format_", "key", "text"), WRITTEN)
def test_a_key_is_written_as_its_client_reads_it(format_: Format, key: Key, text: str) -> None:
    assert format_.keys(Keys((key,)), SERVERS) == text


REFUSED = [
    pytest.param(NTPD, AES256, "key 8 (AES256): ntpd has no CMAC with AES256; make an AES128", id="AES256"),
    pytest.param(NTPD, Key(65536, "AES128", bytes(16)), "takes ids up to 65535", id="an id of five digits"),
    pytest.param(NTPSEC, Key(65536, "AES128", bytes(16)), "takes ids up to 65535", id="the same"),
    pytest.param(NTPD, Key(1, "SHA256", bytes(33)), "takes keys of at most 32 bytes", id="too long"),
    pytest.param(NTPD, Key(1, "SHA1", bytes(10)), "so few hex digits for a password", id="20 hex digits"),
    pytest.param(NTPSEC, Key(1, "SHA1", b"ten#chars!"), "so few hex digits for a password", id="a # in a password"),
]


@pytest.mark.parametrize(("format_", "key", "words"), REFUSED)
def test_what_ntpd_cannot_read_is_refused_with_a_reason(format_: Format, key: Key, words: str) -> None:
    with pytest.raises(SiteError, match=re.escape(words)) as caught:
        format_.keys(Keys((AES, key)), SERVERS)
    assert key.secret.hex() not in str(caught.value).lower()


def as_ntpd_reads(line: str) -> tuple[int, str, bytes]:
    """Read a line as libntp/authreadkeys.c does: words end at blanks and ``#``; more than 20 characters are hex."""
    id_, type_, word = re.findall(r"[^ \t#\n]+", line.partition("#")[0])[:3]
    secret = word.encode() if len(word) <= 20 else bytes.fromhex(word)
    return int(id_), type_, secret


@given(ANY, st.sampled_from([(NTPD, NTPD_TYPES), (NTPSEC, NTPSEC_TYPES)]))
def test_ntpd_reads_the_exported_key(key: Key, kind: tuple[Format, dict[str, str]]) -> None:
    format_, names = kind
    try:
        text = format_.keys(Keys((key,)), SERVERS)
    except SiteError:
        assert key.id > 65535 or key.type == "AES256" or not 11 <= len(key.secret) <= 32
        return
    assert as_ntpd_reads(text) == (key.id, names[key.type], key.secret)


@pytest.mark.parametrize(("format_", "file"), [(NTPD, "/etc/ntp.keys"), (NTPSEC, "/etc/ntpsec/ntp.keys")])
def test_all_keys_are_trusted_and_each_server_is_asked(format_: Format, file: str) -> None:
    assert format_.configuration is not None
    assert format_.configuration(Keys((AES, PASSWORD)), SERVERS).splitlines()[1:] == [
        f"keys {file}",
        "trustedkey 7 9",
        "server ntp2.example.com iburst key 7",
        "server 10.30.0.1 iburst key 7",
    ]
