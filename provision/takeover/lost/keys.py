"""Compare the keys that a service uses with those of the site."""

from collections.abc import Iterator

from provision.common.results import Loss
from provision.keys import Keys, name_in_chrony
from provision.takeover.existing import ExistingService, ListedKey, Program
from provision.takeover.ntp_conf.lines import lines_of, trusted

NTPD = {Program.NTPD, Program.NTPSEC}


def key_losses(service: ExistingService, wanted: Keys) -> Iterator[Loss]:
    """Yield the keys that the site does not have, or has with another type or secret."""
    by_id = {key.id: key for key in wanted}
    for there in _used_keys(service):
        was = f"key {there.id} {there.type}"
        key = by_id.get(there.id)
        if key is None:
            yield Loss(id="key", was=was, place=there.place)
        elif _key_type(there.type) != _key_type(key.type):
            yield Loss(id="key", was=was, now=f"key {key.id} {key.type}", place=there.place)
        elif there.short_digest and there.short_digest != key.short_digest:
            yield Loss(id="key.secret", was=was, now=f"key {key.id} with another secret", place=there.place)


def _used_keys(service: ExistingService) -> Iterator[ListedKey]:
    """Yield the keys that the service uses: of ntpd, those that trustedkey names."""
    if service.program not in NTPD:
        yield from service.listed_keys
        return
    ids = trusted(lines_of(service))
    yield from (key for key in service.listed_keys if key.id in ids)


def _key_type(name: str) -> str:
    """Return a type as chrony names it; ntp.keys(5) has others for the same."""
    return name_in_chrony(name) or name.upper()
