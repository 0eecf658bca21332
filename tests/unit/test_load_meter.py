"""The silence of a host, as the client of the tests about reliability measures it."""

import pytest

from provision.keys import Key
from provision.verify.ntp.packet import mac
from tests.helpers.load_meter import LoadMeter

KEY = Key(id=1, type="AES128", secret=bytes(range(16)))


def answer(stamp: bytes, key: Key) -> bytes:
    header = bytes(24) + stamp + bytes(16)
    return header + mac(key, header)


def meter_of(requests: str) -> LoadMeter:
    """Return a meter of ten requests a second: ``.`` was answered, ``x`` lost, ``!`` answered with a wrong key."""
    meter = LoadMeter("198.18.0.1", KEY, 10)
    meter._channel.close()
    keys = {".": KEY, "!": Key(id=1, type="AES128", secret=bytes(16))}
    for number, request in enumerate(requests):
        stamp = number.to_bytes(8, "big")
        meter.sent[stamp] = number / 10
        if request in keys:
            meter.received.append((answer(stamp, keys[request]), number / 10 + 3))
    return meter


SILENCES = [
    pytest.param("......", 0.0, id="each request is answered, three seconds later"),
    pytest.param("..x...", 0.1, id="one is lost"),
    pytest.param(".xx..xxx.x.", 0.3, id="the longest of several"),
    pytest.param("..!!..", 0.2, id="answers with a wrong key do not count"),
]


@pytest.mark.parametrize(("requests", "seconds"), SILENCES)
def test_a_silence_lasts_from_the_first_lost_request_to_the_next_answered_one(requests: str, seconds: float) -> None:
    assert meter_of(requests).longest_silence == pytest.approx(seconds)


def test_a_silence_that_goes_on_counts_until_now() -> None:
    assert meter_of("..xx").longest_silence > 1e6
