"""Which schedulers are taken: never one to which a key would travel readable."""

import pytest

from provision.common.errors import SiteError
from provision.fleet.dask_address import check_address

ADDRESSES = [
    pytest.param("ntp", "not an address; say tls://name:8786, or tcp://127.0.0.1:8786", id="no address"),
    pytest.param("127.0.0.1:8786", "not an address", id="without a scheme"),
    pytest.param("tcp://127.0.0.1", "not an address", id="without a port"),
    pytest.param("tcp://127.0.0.1:99999", "not an address", id="no port"),
    pytest.param("inproc://x", "not an address", id="of this process"),
    pytest.param(
        "tcp://192.0.2.1:8786", "over tcp:// everybody on the network could read the keys", id="tcp to elsewhere"
    ),
    pytest.param("tcp://dask:8786", "over tcp:// everybody on the network could read the keys", id="tcp to a name"),
    pytest.param(
        "tcp://[2001:db8::1]:8786", "over tcp:// everybody on the network could read the keys", id="tcp by IPv6"
    ),
]


@pytest.mark.parametrize(("address", "words"), ADDRESSES)
def test_an_address_is_refused(address: str, words: str) -> None:
    with pytest.raises(SiteError) as caught:
        check_address(address)
    assert str(caught.value).startswith(f"--scheduler {address}: {words}")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://[::1]:1", "tcp://localhost:1", "tls://dask.example:1"])
def test_an_address_without_a_listener_is_accepted(address: str) -> None:
    check_address(address)
