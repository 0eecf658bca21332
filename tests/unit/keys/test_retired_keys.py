"""The removal of keys: which of them stay, and what is kept of the file before."""

import stat

import pytest

from provision.common.errors import SiteError
from provision.common.files import private
from provision.fleet.rotation import begin, finish
from provision.keys import Key, Keys
from provision.keys.reader import KeyReader
from provision.keys.source import KeyFile
from provision.keys.state import EMPTY
from provision.site.key_users import retire
from tests.helpers.key_sources import NOTE, TWO, read_keys
from tests.helpers.samples import KEYS

RETIRED = [
    pytest.param([1, 2], {}, "no key would be left; add one first: inv keys.add", id="the last ones"),
    pytest.param([5], {}, "there is no key 5", id="one that is gone by now"),
    pytest.param(
        [2],
        {2: ("web1", "web2")},
        "key 2: used by web1, web2: let them ask with another key first (keys.use",
        id="one that is used",
    ),
]


@pytest.mark.parametrize(("ids", "used", "words"), RETIRED)
def test_a_key_that_is_needed_stays(
    file: KeyFile, ids: list[int], used: dict[int, tuple[str, ...]], words: str
) -> None:
    file.create(TWO)
    with pytest.raises(SiteError) as caught:
        retire(KeyReader(), file, ids, used)
    assert words in str(caught.value)
    assert file.path.read_text() == TWO.text


@pytest.mark.parametrize("id_", [1, 3])
def test_a_key_of_a_rotation_stays_and_others_may_go(file: KeyFile, id_: int) -> None:
    file.create(TWO)
    begin(KeyReader(), file, 1, 3, type_=None, today=NOTE.added)
    assert "3 AES128" in file.path.read_text()
    with pytest.raises(SiteError, match=rf"^key {id_}: a rotation is under way; inv keys.rotate finishes it$"):
        retire(KeyReader(), file, [id_], {})
    retire(KeyReader(), file, [2], {})
    keys = read_keys(file)
    assert keys is not None
    assert keys.ids == (1, 3)


def test_a_key_with_which_hosts_asked_once_may_go_and_the_state_forgets_it(file: KeyFile) -> None:
    file.create(TWO)
    finish(KeyReader(), file, begin(KeyReader(), file, 1, 3, type_=None, today=NOTE.added))
    retire(KeyReader(), file, [3], {})
    assert "3 AES128" not in file.path.read_text()
    assert file.state() == EMPTY
    assert read_keys(file) == TWO


def test_the_file_before_keys_were_retired_is_kept(file: KeyFile) -> None:
    file.create(TWO)
    retire(KeyReader(), file, [2], {})
    assert file.backup.read_text() == TWO.text
    assert stat.S_IMODE(file.backup.stat().st_mode) == 0o600


def test_a_refused_change_leaves_the_backup_as_it_is(file: KeyFile) -> None:
    file.create(TWO)
    retire(KeyReader(), file, [2], {})
    with pytest.raises(SiteError, match="no key would be left"):
        retire(KeyReader(), file, [1], {})
    assert file.backup.read_text() == TWO.text


def test_a_change_that_changes_nothing_leaves_the_backup_as_it_is(file: KeyFile) -> None:
    file.create(TWO)
    retire(KeyReader(), file, [2], {})
    file.change(lambda text: text or "", backup=True)
    assert file.backup.read_text() == TWO.text


def test_a_key_that_was_replaced_while_servers_were_asked_stays(file: KeyFile) -> None:
    file.create(TWO)
    reader = KeyReader()
    reader.read(file)
    other = Keys((*KEYS, Key(2, "SHA1", b"another-horse")))
    private.write(file.path, other.text.encode(), replace=True)
    with pytest.raises(SiteError, match="key 2: replaced by another meanwhile; run it again"):
        retire(reader, file, [2], {})
    assert read_keys(file) == other
