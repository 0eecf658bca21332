"""Sites of several hosts, with groups and keys, and what they resolve to."""

from pathlib import Path
from typing import Any

from provision.cli.options import Options
from provision.host.target import Kind, Target
from provision.keys import Key, Keys
from provision.keys.reader import KeyReader
from provision.site.settings import Settings, settings_of_hosts
from provision.site.text_types import Address
from tests.helpers.samples import write_keys

SITE = """
serve.allow = ["10.0.0.0/8"]

[groups.servers]
time.servers = [{ address = "192.0.2.1" }]

[groups.nobody]

[groups.machines]
serve = { role = "client", allow = [] }
time.follows = "servers"

[hosts]
web1 = { group = "machines" }
ntp1 = { group = "servers", host = "admin@10.0.0.1:2222" }
ntp2 = { group = "servers", host = "10.0.0.2", address = "ntp2.example.com", time.local = {} }
alone = { time.pools = [{ address = "pool.example.com" }], release.chrony = "4.8" }
"""
AES = Key(2, "AES128", bytes(range(16)))
OLD = Key(1, "SHA1", b"correct-horse-battery")


def booted(target: Target) -> Address:
    assert target.kind is Kind.SANDBOX
    return Address(f"{target.sandbox}.sandbox")


def host_settings(text: str, *hosts: str, **options: Any) -> dict[str, Settings]:
    Path("site.toml").write_text(text)
    return {
        str(target): settings
        for target, settings in settings_of_hosts(
            hosts, Options().run_options, KeyReader(), address_of=booted, **options
        )
    }


def asked(settings: Settings) -> list[tuple[str, int | None]]:
    return [(str(source.address), source.key) for source in settings.site.time.sources or ()]


def with_keys(servers: list[Key], machines: list[Key], more: str = "") -> str:
    write_keys(Path("servers.keys"), Keys(tuple(servers)))
    write_keys(Path("machines.keys"), Keys(tuple(machines)))
    site = SITE.replace("[groups.servers]", '[groups.servers]\nkeys.file = "servers.keys"')
    return site.replace("[groups.machines]", f'[groups.machines]\nkeys.file = "machines.keys"\n{more}')


FOLLOWS_ITSELF = 'time.follows = "a"\n[groups.a]\n[hosts]\nx = {group = "a"}\ny = {group = "a"}\n'
