"""Keys in other clients' formats: each reads back as its own program reads it, or is refused with a reason."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.errors import SiteError
from provision.keys import AES_BYTES, HASHES, Key, Keys, parse_keys
from provision.keys.export import FORMATS, NTP_TYPES, NTPSEC_TYPES, export

AES = Key(7, "AES128", bytes(range(0xF0, 0x100)))
AES256 = Key(8, "AES256", bytes(range(32)))
PASSWORD = Key(9, "SHA1", b"ten-chars!")

TEXTS = [
    pytest.param("chrony", [AES], "7 AES128 HEX:F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF\n", id="chrony"),
    pytest.param("ntp.keys", [AES], "7 AES128CMAC F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF\n", id="ntpd"),
    pytest.param("ntp.keys", [PASSWORD], "9 SHA1 ten-chars!\n", id="what ntpd would take for a password is one"),
    pytest.param("ntpsec", [AES], "7 AES-128 F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF\n", id="NTPsec"),
    pytest.param("ntpsec", [AES256], f"8 AES-256 {bytes(range(32)).hex().upper()}\n", id="NTPsec's AES-256"),
]


@pytest.mark.parametrize(("format_", "keys", "text"), TEXTS)
def test_a_key_is_written_as_its_client_reads_it(format_: str, keys: list[Key], text: str) -> None:
    assert export(Keys(tuple(keys)), format_) == text


REFUSED = [
    pytest.param("ntp.keys", AES256, "key 8 (AES256): ntpd has no CMAC with AES256; make an AES128", id="AES256"),
    pytest.param("ntp.keys", Key(65536, "AES128", bytes(16)), "takes ids up to 65535", id="an id of five digits"),
    pytest.param("ntpsec", Key(65536, "AES128", bytes(16)), "takes ids up to 65535", id="the same"),
    pytest.param("ntp.keys", Key(1, "SHA256", bytes(33)), "takes keys of at most 32 bytes", id="too long"),
    pytest.param("ntp.keys", Key(1, "SHA1", bytes(10)), "so few hex digits for a password", id="20 hex digits"),
    pytest.param("ntpsec", Key(1, "SHA1", b"ten#chars!"), "so few hex digits for a password", id="a # in a password"),
    pytest.param("coresntp", AES256, "knows AES-128-CMAC alone; make an AES128 key", id="coreSNTP's cipher"),
    pytest.param("coresntp", Key(2**31, "AES128", bytes(16)), "takes ids up to 2147483647", id="coreSNTP's int32_t"),
]


@pytest.mark.parametrize(("format_", "key", "words"), REFUSED)
def test_what_a_format_cannot_express_is_refused_with_a_reason(format_: str, key: Key, words: str) -> None:
    with pytest.raises(SiteError, match=re.escape(words)) as caught:
        export(Keys((AES, key)), format_)
    assert key.secret.hex() not in str(caught.value).lower()


ANY = st.one_of(
    st.builds(Key, st.integers(1, 2**32 - 1), st.just("AES128"), st.binary(min_size=16, max_size=16)),
    st.builds(Key, st.integers(1, 70000), st.just("AES256"), st.binary(min_size=32, max_size=32)),
    st.builds(Key, st.integers(1, 70000), st.sampled_from(HASHES), st.binary(min_size=10, max_size=34)),
    st.builds(
        Key, st.integers(1, 70000), st.sampled_from(HASHES), st.text("aF#0 ", min_size=10, max_size=20).map(str.encode)
    ),
)


def as_ntpd_reads(line: str) -> tuple[int, str, bytes]:
    """Read a line as libntp/authreadkeys.c does: words end at blanks and ``#``; more than 20 characters are hex."""
    id_, type_, word = re.findall(r"[^ \t#\n]+", line.partition("#")[0])[:3]
    secret = word.encode() if len(word) <= 20 else bytes.fromhex(word)
    return int(id_), type_, secret


@given(ANY, st.sampled_from(["ntp.keys", "ntpsec"]))
def test_ntpd_reads_the_key_that_was_meant(key: Key, format_: str) -> None:
    names = {"ntp.keys": NTP_TYPES, "ntpsec": NTPSEC_TYPES}[format_]
    try:
        text = export(Keys((key,)), format_)
    except SiteError:
        assert key.id > 65535 or key.type == "AES256" or not 11 <= len(key.secret) <= 32
        return
    assert as_ntpd_reads(text) == (key.id, names[key.type], key.secret)


@given(st.lists(ANY, min_size=1, max_size=3, unique_by=lambda key: key.id))
def test_chrony_and_json_read_back(some: list[Key]) -> None:
    keys = Keys(tuple(sorted(some, key=lambda key: key.id)))
    assert parse_keys(export(keys, "chrony"), "keys") == keys
    entries = json.loads(export(keys, "json"))["keys"]
    assert tuple(Key(one["id"], one["type"], bytes.fromhex(one["key"])) for one in entries) == keys.keys


DEMO = """
#include <stdint.h>
#include <stdio.h>
#include "chrony_keys.h"
static const char * pAESCMACAuthKeys[] = { democonfigLIST_OF_AUTHENTICATION_SYMMETRIC_KEYS };
static const int32_t pAuthKeyIds[] = { democonfigLIST_OF_AUTHENTICATION_KEY_IDS };
int main( void )
{
    for( unsigned n = 0; n < sizeof( pAuthKeyIds ) / sizeof( *pAuthKeyIds ); n++ )
        printf( "%d %s\\n", pAuthKeyIds[ n ], pAESCMACAuthKeys[ n ] );
    return 0;
}
"""
"""The two arrays as SNTPClientTask.c of the demo declares them."""


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_c_compiler_takes_the_header_of_coresntp(tmp_path: Path) -> None:
    keys = Keys((AES, Key(2**31 - 1, "AES128", bytes(16))))
    (tmp_path / "chrony_keys.h").write_text(export(keys, "coresntp"))
    (tmp_path / "demo.c").write_text(DEMO)
    subprocess.run(["cc", "-Wall", "-Werror", "-o", "demo", "demo.c"], cwd=tmp_path, check=True)
    said = subprocess.run([tmp_path / "demo"], check=True, capture_output=True, text=True).stdout
    assert said == "".join(f"{key.id} {key.secret.hex().upper()}\n" for key in keys)


def test_every_type_of_chrony_is_known_or_refused_in_every_format() -> None:
    for type_ in (*HASHES, *AES_BYTES):
        for format_ in FORMATS:
            try:
                assert export(Keys((Key(1, type_, bytes(range(AES_BYTES.get(type_, 20)))),)), format_)
            except SiteError as error:
                assert type_ in str(error)
