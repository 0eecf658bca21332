"""What is rarely meant by a site, and noted."""

import pytest

from provision.site.advice import warnings
from tests.helpers.inventories import host_settings

pytestmark = pytest.mark.usefixtures("folder")

WARNED = [
    pytest.param(["a"], ["it follows one server alone, a: "], id="one server"),
    pytest.param(["a", "b"], [], id="two servers"),
    pytest.param(["a", "time.google.com"], ["time.google.com smears leap seconds and the other"], id="smeared by one"),
    pytest.param(["time1.google.com", "TIME2.google.com"], [], id="smeared by all"),
]


@pytest.mark.parametrize(("addresses", "words"), WARNED)
def test_a_setting_that_is_probably_a_mistake_is_noted(addresses: list[str], words: list[str]) -> None:
    servers = ", ".join(f"{{ address = '{address}' }}" for address in addresses)
    (settings,) = host_settings(f"time.servers = [{servers}]", "ntp1").values()
    assert len(settings.warnings) == len(words)
    assert all(warning.startswith(start) for warning, start in zip(settings.warnings, words, strict=True))
    assert list(warnings(settings.site)) == list(settings.warnings)
