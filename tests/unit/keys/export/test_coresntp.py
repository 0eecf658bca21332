"""The header for coreSNTP: as many keys as servers, in their order, for one device."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.keys import Key, Keys
from provision.keys.export.coresntp import CORESNTP
from tests.unit.keys.export.samples import AES, AES256, AES_DIGITS, SERVERS

REFUSED = [
    pytest.param((AES256,), SERVERS, "knows AES-128-CMAC alone; make an AES128 key", id="another cipher"),
    pytest.param((Key(2**31, "AES128", bytes(16)),), SERVERS, "takes ids up to 2147483647", id="no int32_t"),
    pytest.param((AES, AES256), SERVERS, "a device has one key, and these are 2: --to-folder", id="a whole fleet"),
    pytest.param((AES,), (), "no server of the site has these keys; say --server ADDRESS", id="no server"),
    pytest.param((AES,), ("2001:db8::1",), "IPv4 addresses alone; give its IPv4 address with --server", id="IPv6"),
]


@pytest.mark.parametrize(("keys", "servers", "words"), REFUSED)
def test_what_the_demo_would_assert_against_is_refused(
    keys: tuple[Key, ...], servers: tuple[str, ...], words: str
) -> None:
    with pytest.raises(SiteError, match=re.escape(words)):
        CORESNTP.keys(Keys(keys), servers)


DEMO = """
#include <stdint.h>
#include <stdio.h>
#include <assert.h>
#include "chrony_keys.h"
static const char * pTimeServers[] = { democonfigLIST_OF_TIME_SERVERS };
static const char * pAESCMACAuthKeys[] = { democonfigLIST_OF_AUTHENTICATION_SYMMETRIC_KEYS };
static const int32_t pAuthKeyIds[] = { democonfigLIST_OF_AUTHENTICATION_KEY_IDS };
int main( void )
{
    size_t numOfServers = sizeof( pTimeServers ) / sizeof( char * );
    assert( numOfServers == ( sizeof( pAESCMACAuthKeys ) / sizeof( pAESCMACAuthKeys[ 0 ] ) ) );
    assert( numOfServers == sizeof( pAuthKeyIds ) / sizeof( pAuthKeyIds[ 0 ] ) );
    for( size_t n = 0; n < numOfServers; n++ )
        printf( "%s %d %s\\n", pTimeServers[ n ], pAuthKeyIds[ n ], pAESCMACAuthKeys[ n ] );
    return 0;
}
"""
"""The three arrays and what is asserted about them, as in SNTPClientTask.c of the demo."""


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.parametrize("servers", [SERVERS, SERVERS[:1]], ids=["two servers", "one server"])
def test_a_c_compiler_finds_a_key_for_each_server(servers: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "chrony_keys.h").write_text(CORESNTP.keys(Keys((AES,)), servers))
    (tmp_path / "demo.c").write_text(DEMO)
    subprocess.run(["cc", "-Wall", "-Werror", "-o", "demo", "demo.c"], cwd=tmp_path, check=True)
    said = subprocess.run([tmp_path / "demo"], check=True, capture_output=True, text=True).stdout
    assert said == "".join(f"{server} 7 {AES_DIGITS}\n" for server in servers)
