"""A generation comes to a host: the scripts, run by sh in a folder of the test."""

import os
import re
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from provision.common.errors import CommandFailed, ParseError
from provision.deploy.steps.staged import Staged, packed
from provision.host import scripts
from provision.host.paths import ROOT
from provision.keys import Key, Keys
from provision.keys.nts_keys import make_server_keys
from provision.keys.parts import manifest, parse_digests, parts
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.claimed_workspace import claimed
from tests.helpers.samples import GENERATION, KEYS, RECIPE, SECRET
from tests.helpers.step_samples import STAGED, ask, digest, needs_root

CHRONYD = """\
#!/bin/sh
[ "$1" = -p ] && [ "$2" = -f ] || exit 64
if [ "$(id -u)" = 0 ]; then echo "run as root" >&2; exit 1; fi
if grep -q nonsense "$3"; then echo "Fatal error : Invalid directive at line 1 in file $3" >&2; exit 1; fi
cat "$3"
"""


def stage_script(upload: str, generation: Path, build: str) -> str:
    return scripts.load("stage", upload, str(generation), build, "adm")


@dataclass(frozen=True)
class Opt:
    """A folder like /opt/chrony with a build whose chronyd refuses nonsense."""

    root: Path

    def __post_init__(self) -> None:
        chronyd = self.root / "builds" / RECIPE.name / "sbin" / "chronyd"
        chronyd.parent.mkdir(parents=True)
        chronyd.write_text(CHRONYD)
        chronyd.chmod(0o755)

    @property
    def generation(self) -> Path:
        return self.root / "generations" / GENERATION.id

    @property
    def generations(self) -> list[str]:
        return [path.name for path in (self.root / "generations").iterdir()]

    def stage(self, conf: str = GENERATION.conf) -> None:
        build = str(self.root / "builds" / RECIPE.name)
        with claimed(self.root) as host:
            upload = host.new_path()
            host.upload(packed(Staged(replace(GENERATION, conf=conf)).generation.files), upload)
            try:
                host.run("staging", stage_script(upload, self.generation, build))
            finally:
                assert not Path(upload).exists()

    def look(self) -> str:
        look = scripts.load("look_generation", str(self.generation), str(self.root / "current"))
        return ask(look).replace("root:adm", "root:_chrony").replace(str(self.root), ROOT)


@needs_root
def test_a_generation_is_staged_whole_and_private(public_path: Path) -> None:
    opt = Opt(public_path / "opt")
    assert STAGED.drift(opt.look()) == "not uploaded yet"
    before = os.umask(0o077)
    try:
        opt.stage()
    finally:
        os.umask(before)
    assert STAGED.drift(opt.look()) is None
    assert opt.generations == [GENERATION.id]
    modes = {path.name: f"{path.lstat().st_mode & 0o777:o} {path.group()}" for path in opt.generation.iterdir()}
    del modes["build"]
    assert modes == {"chrony.conf": "644 root", "chrony.keys": "640 adm", "chronyd.service": "644 root"}
    assert [folder.stat().st_mode & 0o777 for folder in (opt.generation, opt.generation.parent)] == [0o755, 0o755]


@needs_root
def test_a_configuration_that_the_new_chronyd_refuses_is_not_staged(public_path: Path) -> None:
    opt = Opt(public_path / "opt")
    with pytest.raises(CommandFailed, match=r"local: staging failed .exit status 1.: Fatal error : Invalid directive"):
        opt.stage("nonsense\n")
    assert opt.generations == []


@needs_root
def test_a_generation_that_was_touched_is_staged_anew(public_path: Path) -> None:
    opt = Opt(public_path / "opt")
    opt.stage()
    (opt.generation / "chrony.conf").write_text("rtcsync\n")
    assert STAGED.drift(opt.look()) == "chrony.conf has another content"
    opt.stage()
    assert STAGED.drift(opt.look()) is None
    assert opt.generations == [GENERATION.id]


@needs_root
def test_looking_at_generations_shows_the_current_configuration_and_no_key(public_path: Path) -> None:
    opt = Opt(public_path / "opt")
    opt.stage()
    (opt.root / "current").symlink_to(opt.generation)
    assert STAGED.diff(opt.look()) == ""
    assert_nowhere(SECRET, opt.look())


FLEET = Keys(tuple(Key(3 * number + 5, "AES128", number.to_bytes(16, "big")) for number in range(5000)))


def without(keys: Keys, *ids: int) -> Keys:
    return Keys(tuple(key for key in keys if key.id not in ids))


def with_one_more(keys: Keys, id_: int) -> Keys:
    more = Key(id_, "AES256", bytes(range(32)))
    return Keys(tuple(sorted([*without(keys, id_), more], key=lambda key: key.id)))


FLEETS = [
    pytest.param(FLEET, FLEET, 0, id="nothing is new"),
    pytest.param(FLEET, with_one_more(FLEET, 9000), 1, id="one more in the middle"),
    pytest.param(FLEET, with_one_more(FLEET, 1), 2, id="one more before all, and so another beginning"),
    pytest.param(FLEET, with_one_more(FLEET, 4294967295), 1, id="one more behind all"),
    pytest.param(FLEET, with_one_more(FLEET, 8), 1, id="one that is another key now"),
    pytest.param(FLEET, without(FLEET, 5), 1, id="one less at the beginning"),
    pytest.param(FLEET, without(FLEET, 5 + 3 * 4999), 1, id="one less at the end"),
    pytest.param(KEYS, FLEET, 5, id="all others"),
]


@needs_root
@pytest.mark.parametrize(("before", "after", "most"), FLEETS)
def test_of_long_keys_only_the_parts_that_are_new_travel(
    before: Keys, after: Keys, most: int, public_path: Path
) -> None:
    opt = Opt(public_path / "opt")
    current = opt.root / "current"
    current.mkdir()
    (current / "chrony.keys").write_text(before.text)
    wanted = parts(after)
    said = ask(scripts.load("print_key_parts", str(current / "chrony.keys"), *(str(part.first) for part in wanted)))
    there = parse_digests(said)
    lines, new = manifest(wanted, there)
    assert lines.count("new") <= most
    files = {
        "chrony.conf": GENERATION.conf.encode(),
        "chronyd.service": GENERATION.unit.encode(),
        "parts": lines.encode(),
        "parts.new": new.encode(),
        "parts.sha256": f"{digest(after.text)}  chrony.keys\n".encode(),
    }
    with claimed(opt.root) as host:
        upload = host.new_path()
        host.upload(packed(files), upload)
        build = str(opt.root / "builds" / RECIPE.name)
        host.run("staging", stage_script(upload, opt.generation, build))
    assert (opt.generation / "chrony.keys").read_text() == after.text
    assert sorted(path.name for path in opt.generation.iterdir()) == [
        "build",
        "chrony.conf",
        "chrony.keys",
        "chronyd.service",
    ]


def test_a_short_file_is_not_asked_about() -> None:
    assert parts(Keys(FLEET.keys[:2000])) == ()


@pytest.mark.parametrize("said", ["5", "5 xyz", "id 00"])
def test_a_text_that_is_no_digest_is_refused(said: str) -> None:
    with pytest.raises(ParseError, match="did not tell the digests"):
        parse_digests(said)


def test_of_the_keys_of_cookies_only_ids_are_shown_also_of_a_file_that_was_written_by_hand(tmp_path: Path) -> None:
    keys = make_server_keys(date(2026, 11, 28))
    for text in (keys.text, re.sub(r"^([0-9A-F]{8}) (.*)", r"\1\t\2 15", keys.text, flags=re.MULTILINE)):
        (tmp_path / "ntskeys").write_text(text)
        seen = ask(scripts.load("look_generation", str(tmp_path / "none"), str(tmp_path), "none"))
        for key in keys.keys:
            assert key.name in seen
            assert_nowhere(key.secret.hex().upper(), seen)
