"""The keys of a run: the operator's, those that the host serves with, or the first ones."""

from dataclasses import replace

from provision.deploy.deploy import deploy, plan
from tests.helpers.samples import KEYS, SECRET
from tests.helpers.scripted_state import KEYGEN
from tests.unit.deploy.conftest import Operator, unproven


def test_without_keys_the_new_chronyc_makes_the_first_and_they_are_kept_here(operator: Operator) -> None:
    operator.key_file.unlink()
    made = KEYGEN.split("HEX:")[1].strip()
    planned = operator.run(plan)
    assert any("would make key 1 (AES128) and keep it there; the id " in note for note in planned.notes)
    assert not operator.key_file.exists()
    key = operator.generation(replace(KEYS, keys=(replace(KEYS.keys[0], secret=bytes.fromhex(made)),)))
    report = operator.run(deploy)
    assert (report.error, unproven(report)) == (None, [])
    assert made in operator.key_file.read_text()
    assert operator.host.current == key.id
    assert made not in str(report)


def test_the_keys_that_a_host_serves_with_are_taken_over(operator: Operator) -> None:
    operator.run(deploy)
    operator.key_file.unlink()
    report = operator.run(deploy)
    assert (report.error, operator.host.told) == (None, [])
    assert any(note.endswith("took over the keys that the host has") for note in report.notes)
    assert SECRET in operator.key_file.read_text().upper()


def test_a_client_without_its_keys_here_does_not_take_over_a_part_of_them(operator: Operator) -> None:
    operator.run(deploy)
    operator.key_file.unlink()
    operator.site = '[serve]\nrole = "client"\n[[time.servers]]\naddress = "198.19.0.2"\nkey = 1\n'
    report = operator.run(deploy)
    assert report.error is not None
    assert "a client need not have all of them" in report.error
