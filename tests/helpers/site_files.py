"""Site files that a test writes and reads."""

from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.site.schema import Site
from tests.helpers.samples import read_site

NTP_CONF_CLOCK = (
    "is how ntp.conf names a clock of the host itself, and no server; "
    "use time.local in place of 127.127.1.x, and a refclock line in time.extra in place of others"
)


def read(folder: Path, text: str | bytes) -> Site:
    path = folder / "site.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_site(path)


def server(options: str) -> str:
    return f'[time]\nservers = [{{ address = "ntp1.example.net", {options} }}]'


def assert_refused(folder: Path, text: str | bytes, message: str) -> None:
    """Assert that a site file is refused with the place and the reason; a message that ends in a colon may go on."""
    with pytest.raises(SiteError) as refused:
        read(folder, text)
    said = str(refused.value)
    assert said.startswith(f"{folder}/site.toml: {message}")
    assert message.endswith(": ") or said == f"{folder}/site.toml: {message}"
    assert said.isprintable()
