"""Keys in all formats: each type is written or refused with a reason, and no secret is in a configuration."""

import json

import pytest
from hypothesis import given

from provision.common.errors import SiteError
from provision.keys import AES_BYTES, HASHES, Key, Keys, parse_keys
from provision.keys.export import FORMATS
from tests.unit.keys.export.samples import AES, ANY, SERVERS


@given(ANY)
def test_chrony_and_json_read_back(key: Key) -> None:
    keys = Keys((key,))
    assert parse_keys(FORMATS["chrony"].keys(keys, ()), "keys") == keys
    read = json.loads(FORMATS["json"].keys(keys, SERVERS))
    assert tuple(Key(one["id"], one["type"], bytes.fromhex(one["key"])) for one in read["keys"]) == keys.keys
    assert read["servers"] == list(SERVERS)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_type_of_chrony_is_known_or_refused(format_: str) -> None:
    for type_ in (*HASHES, *AES_BYTES):
        key = Key(1, type_, bytes(range(AES_BYTES.get(type_, 20))))
        try:
            assert FORMATS[format_].keys(Keys((key,)), SERVERS)
        except SiteError as error:
            assert type_ in str(error)
            assert key.secret.hex() not in str(error).lower()


CONFIGURED = [name for name, one in FORMATS.items() if one.configuration is not None]


@pytest.mark.parametrize("format_", CONFIGURED)
@pytest.mark.parametrize("servers", [SERVERS, ()], ids=["servers", "no server known"])
def test_a_configuration_names_the_key_and_has_no_secret(format_: str, servers: tuple[str, ...]) -> None:
    configuration = FORMATS[format_].configuration
    assert configuration is not None
    text = configuration(Keys((AES,)), servers)
    assert AES.secret.hex() not in text.lower()
    assert all(server in text for server in servers or ("ADDRESS",))
    assert "7" in text
