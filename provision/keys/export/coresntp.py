"""Export the key of a device as a header for FreeRTOS' coreSNTP: the lists of servers, keys and key ids.

The names are those of the demo of coreSNTP (FreeRTOS/FreeRTOS, FreeRTOS-Plus/Demo/coreSNTP_Windows_Simulator,
demo_config.h and SNTPClientTask.c). It stops with configASSERT unless the three lists are equally long: the entry of a
server in one list belongs to the same entry in the others. It supports only AES-128-CMAC. Ids are int32_t; negative
ones mean "no key". coreSNTP sends to IPv4 addresses alone (core_sntp_client.h).
"""

from ipaddress import AddressValueError, IPv6Address

from provision.common.errors import SiteError
from provision.keys import Key, Keys
from provision.keys.export.format import Format, Servers

MAX_ID = 2**31 - 1


def _header(keys: Keys, servers: Servers) -> str:
    if len(keys) != 1:
        raise SiteError(
            f"coresntp: a device has one key, and these are {len(keys)}: --to-folder writes one header each"
        )
    (key,) = keys
    _check_key(key)
    if not servers:
        raise SiteError("coresntp: no server of the site has these keys; say --server ADDRESS for each, in order")
    for server in servers:
        _check_server(server)
    addresses = ", ".join(f'"{server}"' for server in servers)
    secrets = ", ".join([f'"{key.secret.hex().upper()}"'] * len(servers))
    ids = ", ".join([str(key.id)] * len(servers))
    return (
        f"/* Secret: key {key.id}, for one device. All servers have it: the lists have one entry for each of them. */\n"
        "#ifndef CHRONY_KEYS_H\n"
        "#define CHRONY_KEYS_H\n"
        f"#define democonfigLIST_OF_TIME_SERVERS                   {addresses}\n"
        f"#define democonfigLIST_OF_AUTHENTICATION_SYMMETRIC_KEYS  {secrets}\n"
        f"#define democonfigLIST_OF_AUTHENTICATION_KEY_IDS         {ids}\n"
        "#endif\n"
    )


def _check_key(key: Key) -> None:
    if key.type != "AES128":
        raise SiteError(f"{key}: the demo of coreSNTP knows AES-128-CMAC alone; make an AES128 key for it")
    if key.id > MAX_ID:
        raise SiteError(f"{key}: the demo of coreSNTP takes ids up to {MAX_ID}; choose a lower --id")


def _check_server(server: str) -> None:
    try:
        IPv6Address(server)
    except AddressValueError:
        return
    raise SiteError(f"coresntp: {server}: coreSNTP sends to IPv4 addresses alone; give its IPv4 address with --server")


CORESNTP = Format(keys=_header, suffix=".h")
