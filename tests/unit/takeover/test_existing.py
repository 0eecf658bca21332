"""The description of an existing time service."""

from provision.takeover.existing import ConfigFile, ExistingService, Program


def test_secrets_and_contents_are_not_in_its_repr() -> None:
    service = ExistingService(
        program=Program.CHRONY,
        files=(ConfigFile(path="/etc/chrony/chrony.conf", text="mailonchange root@example.net 0.5"),),
        key_files=(ConfigFile(path="/etc/chrony/chrony.keys", text="1 SHA1 HEX:0011223344556677"),),
    )
    assert "0011223344556677" not in repr(service)
    assert "mailonchange" not in repr(service)
    assert "/etc/chrony/chrony.conf" in repr(service)
