"""Every step: what differs, by real answers; and its scripts, run by sh in a folder of the test."""
# ruff: noqa: ARG001, ARG002, ARG005, FBT001 -- fakes have the signature of what they stand for; a parameter of a case

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from provision import remote
from provision.converge import survey
from provision.errors import BuildRefused, CommandFailed, ParseError
from provision.host import Host
from provision.keys import Key, Keys
from provision.keys.parts import manifest, parse_digests, parts
from provision.making import Compiling, _judge_unit_tests
from provision.packages import MANAGERS, NO_OWNER
from provision.steps import Step
from provision.steps.active import Active
from provision.steps.built import Built
from provision.steps.confirmed import Confirmed
from provision.steps.fetched import Fetched
from provision.steps.file import File
from provision.steps.links import LINKS, Links
from provision.steps.others import OthersStopped, others_in
from provision.steps.packages import Packages
from provision.steps.purged import Purged
from provision.steps.rehearsed import Rehearsed
from provision.steps.restored import Restored
from provision.steps.staged import Staged, packed
from provision.steps.user import ServiceUser
from provision.transport.local import LocalTransport
from tests.booted import assert_nowhere
from tests.sample import GENERATION, KEYS, RECIPE, SECRET
from tests.working import claimed

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to root")
HOST = Host(LocalTransport())


def never(_: object) -> Any:
    raise AssertionError("nobody may ask for a tarball, or keep an artifact")


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


FILE = File("/opt/chrony/switch", "#!/bin/sh\n", mode="0755")
BUILT = Built(RECIPE, Compiling(never, never, jobs=2, uid=0))
PACKAGES = Packages(MANAGERS["apt-get"], ("gcc", "make"), RECIPE.prefix)
STAGED = Staged(GENERATION)
REHEARSED = Rehearsed(GENERATION, "127.0.0.1")
ACTIVE = Active(
    generation=GENERATION.id,
    unit_sha256=GENERATION.unit_sha256,
    build=RECIPE.prefix,
    who="alice@laptop",
    confirm_within=90,
    is_answered=lambda: False,
)
CONFIRMED = Confirmed(generation=GENERATION.id, prove=list, who="alice@laptop", keep=3)
RESTORED = Restored("alice@laptop")
UNITS = (
    "chrony.service",
    "systemd-timesyncd.service",
    "ntp.service",
    "ntpd.service",
    "ntpsec.service",
    "openntpd.service",
)
USER = ServiceUser("_chrony")
AT_HAND = Fetched(RECIPE, lambda _: True, never)
NOT_AT_HAND = Fetched(RECIPE, lambda release: release.name == "chrony", never)
STEPS = [
    FILE,
    BUILT,
    PACKAGES,
    STAGED,
    REHEARSED,
    ACTIVE,
    CONFIRMED,
    USER,
    OthersStopped(),
    Links(),
    AT_HAND,
    RESTORED,
    Purged(),
]

HOLDS = "\n".join(
    (
        f"build ../../builds/{RECIPE.name}",
        f"{digest(GENERATION.conf)}  chrony.conf",
        f"{digest(GENERATION.keys.text)}  chrony.keys",
        f"{digest(GENERATION.unit)}  chronyd.service",
        "chrony.keys 0640 root:_chrony",
    )
)
CURRENT = f"==> chrony.conf\n{GENERATION.conf}==> chronyd.service\n{GENERATION.unit}".rstrip("\n")
RUNS = f"""\
current=generations/{GENERATION.id}
unit file={digest(GENERATION.unit)}
MainPID=4413
ActiveState=active
UnitFileState=enabled
NeedDaemonReload=no
running generation={GENERATION.id}
executable={RECIPE.prefix}/sbin/chronyd"""
BARE = "current=\nunit file=missing\nMainPID=0\nActiveState=inactive\nUnitFileState=\nNeedDaemonReload=no"
OTHER = replace(RECIPE, nts=False)
NOT_FOUND = "\n".join(f"{unit}|not-found|inactive||" for unit in UNITS)
TIMESYNCD = "systemd-timesyncd.service|loaded|active|enabled|/lib/systemd/system/systemd-timesyncd.service"

DRIFTS = [
    pytest.param(FILE, f"0755 root:root\n{digest(FILE.content)}  -\n#!/bin/sh", None, id="file as wanted"),
    pytest.param(FILE, "missing", "missing", id="file missing"),
    pytest.param(FILE, "symlink", "a symlink is in its place", id="file is a symlink"),
    pytest.param(FILE, f"0755 root:root\n{digest('#!/bin/bash')}  -\n#!/bin/bash", "content differs", id="content"),
    pytest.param(
        FILE,
        f"0644 root:root\n{digest(FILE.content)}  -\n#!/bin/sh",
        "mode and owner are 0644 root:root, not 0755 root:root",
        id="file mode",
    ),
    pytest.param(
        FILE,
        f"0755 chrony:root\n{digest(FILE.content)}  -\n#!/bin/sh",
        "mode and owner are 0755 chrony:root, not 0755 root:root",
        id="file owner",
    ),
    pytest.param(BUILT, f"{RECIPE.receipt}\nintact", None, id="build as wanted"),
    pytest.param(BUILT, "missing", "no finished build of this recipe", id="no build"),
    pytest.param(BUILT, f"{RECIPE.receipt}\ndamaged", "its files are not as they were installed", id="build damaged"),
    pytest.param(BUILT, f"{OTHER.receipt}\nintact", "its receipt is another recipe's", id="another receipt"),
    pytest.param(BUILT, "\nintact", "its receipt is another recipe's", id="receipt empty"),
    pytest.param(
        BUILT, f"{RECIPE.receipt}\n{RECIPE.receipt}\nintact", "its receipt is another recipe's", id="two lines"
    ),
    pytest.param(PACKAGES, "", None, id="packages there"),
    pytest.param(PACKAGES, "built", None, id="no compiler once it is built"),
    pytest.param(PACKAGES, "gcc\nmake", "missing: gcc make", id="packages missing"),
    pytest.param(AT_HAND, "build", None, id="source at hand"),
    pytest.param(NOT_AT_HAND, "built", None, id="no source once it is built"),
    pytest.param(NOT_AT_HAND, "build", "not in the store: nettle 3.10.2", id="source not at hand"),
    pytest.param(STAGED, f"==> generation\n{HOLDS}\n{CURRENT}", None, id="generation as wanted"),
    pytest.param(
        STAGED, "==> generation\nmissing\n==> chrony.conf\n==> chronyd.service", "not there yet", id="no generation"
    ),
    pytest.param(
        STAGED,
        f"==> generation\n{HOLDS.replace('0640', '0644')}\n{CURRENT}",
        "differs: chrony.keys",
        id="keys that others may read",
    ),
    pytest.param(
        STAGED,
        f"==> generation\n{HOLDS.replace('root:_chrony', 'root:root')}\n{CURRENT}",
        "differs: chrony.keys",
        id="keys that chronyd cannot read",
    ),
    pytest.param(
        STAGED,
        f"==> generation\nbuild /nowhere\n{digest('')}  chrony.conf\n{CURRENT}",
        "differs: build chrony.conf chrony.keys chronyd.service",
        id="everything differs",
    ),
    pytest.param(REHEARSED, "rehearsed", None, id="generation rehearsed"),
    pytest.param(REHEARSED, "new", "not tried yet", id="generation never tried"),
    pytest.param(ACTIVE, RUNS, None, id="generation runs"),
    pytest.param(ACTIVE, f"{RUNS}\n{NOT_FOUND}", None, id="generation runs, and nobody else"),
    pytest.param(ACTIVE, f"{RUNS}\n{TIMESYNCD}", None, id="another daemon is another step's"),
    pytest.param(ACTIVE, BARE, f"current is nothing, not generations/{GENERATION.id}", id="bare host"),
    pytest.param(
        ACTIVE,
        f"{BARE}\n{TIMESYNCD}",
        f"current is nothing, not generations/{GENERATION.id}; "
        "stops and masks systemd-timesyncd.service, which is active",
        id="another daemon runs",
    ),
    pytest.param(
        ACTIVE,
        RUNS.replace("ActiveState=active", "ActiveState=failed"),
        "daemon is failed, not active",
        id="daemon failed",
    ),
    pytest.param(
        ACTIVE, RUNS.replace("Reload=no", "Reload=yes"), "unit reload is yes, not no", id="systemd knows an older unit"
    ),
    pytest.param(ACTIVE, RUNS.replace("=enabled", "=disabled"), "at boot is disabled, not enabled", id="not at boot"),
    pytest.param(
        ACTIVE,
        RUNS.replace(f"running generation={GENERATION.id}", "running generation=0123456789abcdef"),
        f"running generation is 0123456789abcdef, not {GENERATION.id}",
        id="an older process runs on",
    ),
    pytest.param(
        ACTIVE,
        RUNS.replace(f"{RECIPE.prefix}/sbin/chronyd", f"{RECIPE.prefix}/sbin/chronyd (deleted)"),
        f"executable is {RECIPE.prefix}/sbin/chronyd (deleted), not {RECIPE.prefix}/sbin/chronyd",
        id="the build was replaced below the process",
    ),
    pytest.param(
        ACTIVE,
        RUNS.replace(digest(GENERATION.unit), "a symlink"),
        f"unit file is a symlink, not {digest(GENERATION.unit)}",
        id="the package's symlink",
    ),
    pytest.param(CONFIRMED, f"unconfirmed=\ncurrent={GENERATION.id}", None, id="nothing waits to be confirmed"),
    pytest.param(
        CONFIRMED,
        f"unconfirmed={GENERATION.id}\ncurrent={GENERATION.id}",
        f"{GENERATION.id} waits to be confirmed",
        id="it waits to be confirmed",
    ),
    pytest.param(CONFIRMED, "unconfirmed=\ncurrent=", "it does not run yet", id="nothing to confirm yet"),
    pytest.param(RESTORED, "", None, id="nothing of ours is in charge"),
    pytest.param(
        RESTORED,
        "/opt/chrony/current\n/usr/local/bin/chronyc",
        "ours: /opt/chrony/current /usr/local/bin/chronyc",
        id="we are in charge",
    ),
    pytest.param(Purged(), "", None, id="nothing is left"),
    pytest.param(
        Purged(),
        "/opt/chrony\npackages gcc make\naccount _chrony\nfolder /var/lib/chrony",
        "there: /opt/chrony, _chrony, /var/lib/chrony",
        id="packages stay",
    ),
    pytest.param(USER, "there", None, id="account there"),
    pytest.param(USER, "missing", "missing", id="account missing"),
    pytest.param(OthersStopped(), NOT_FOUND, None, id="no rival"),
    pytest.param(
        OthersStopped(), f"{NOT_FOUND}\n{TIMESYNCD}", "systemd-timesyncd.service is active, enabled", id="timesyncd"
    ),
    pytest.param(Links(), "", None, id="links there"),
    pytest.param(Links(), "/usr/local/bin/chronyc", "missing: /usr/local/bin/chronyc", id="link missing"),
]


@pytest.mark.parametrize(("step", "seen", "words"), DRIFTS)
def test_drift(step: Step, seen: str, words: str | None) -> None:
    assert step.drift(seen) == words


TITLES = [
    "/opt/chrony/switch",
    "chrony 4.9 with nettle 3.10.2 built",
    "packages to build with",
    f"generation {GENERATION.id} staged and valid",
    f"generation {GENERATION.id} rehearsed",
    f"generation {GENERATION.id} running",
    f"generation {GENERATION.id} proven and confirmed",
    "account _chrony",
    "other time daemons stopped and masked",
    "links in /usr/local and /etc/chrony",
    "source of nettle 3.10.2 and chrony 4.9 at hand",
    "time service as it was before the first deployment",
    "builds, generations, keys, state and account removed",
]


@pytest.mark.parametrize(("step", "title"), list(zip(STEPS, TITLES, strict=True)), ids=TITLES)
def test_a_step_is_called(step: Step, title: str) -> None:
    assert step.title == title


@pytest.mark.parametrize("step", STEPS, ids=TITLES)
def test_no_secret_is_in_a_question_or_shown(step: Step) -> None:
    assert_nowhere(SECRET, step.look(), step.title, repr(step))


MASKED = "chrony.service|masked|inactive|masked|/dev/null"
RIVALS = [
    pytest.param(NOT_FOUND, (), id="none"),
    pytest.param(MASKED, (), id="masked"),
    pytest.param(TIMESYNCD, (("systemd-timesyncd.service", "active", "enabled"),), id="active"),
    pytest.param(
        TIMESYNCD.replace("active|enabled", "inactive|disabled"),
        (("systemd-timesyncd.service", "inactive", "disabled"),),
        id="idle and disabled, but an upgrade could start it",
    ),
    pytest.param(
        "ntp.service|loaded|failed||/run/systemd/generator.late/ntp.service",
        (("ntp.service", "failed", "static"),),
        id="SysV",
    ),
    pytest.param(
        "ntp.service|loaded|inactive|disabled|/etc/systemd/system/ntp.service", (), id="the admin's, disabled"
    ),
    pytest.param(
        "ntp.service|loaded|inactive|enabled|/etc/systemd/system/ntp.service",
        (("ntp.service", "inactive", "enabled"),),
        id="the admin's, enabled",
    ),
    pytest.param(
        "ntp.service|loaded|active|disabled|/etc/systemd/system/ntp.service",
        (("ntp.service", "active", "disabled"),),
        id="the admin's, started by hand",
    ),
    pytest.param("chronyd.service|loaded|active|enabled|/etc/systemd/system/chronyd.service", (), id="we are no rival"),
    pytest.param(f"{TIMESYNCD}\n{TIMESYNCD}", (("systemd-timesyncd.service", "active", "enabled"),), id="seen twice"),
]


@pytest.mark.parametrize(("seen", "rivals"), RIVALS)
def test_rivals(seen: str, rivals: tuple[tuple[str, str, str], ...]) -> None:
    assert others_in(seen) == rivals


def test_a_diff_shows_configuration_and_unit_and_no_key() -> None:
    conf = GENERATION.conf.replace("pool pool.ntp.org iburst", "pool old.example iburst")
    unit = GENERATION.unit.replace(GENERATION.id, "0123456789abcdef")
    seen = f"==> generation\nmissing\n==> chrony.conf\n{conf}==> chronyd.service\n{unit}"
    diff = STAGED.diff(seen)
    assert (
        diff
        == f"""\
--- chrony.conf
+++ chrony.conf (new)
@@ -1,2 +1,2 @@
-pool old.example iburst
+pool pool.ntp.org iburst
 keyfile /opt/chrony/current/chrony.keys
--- chronyd.service
+++ chronyd.service (new)
@@ -1,2 +1,2 @@
 [Service]
-Environment=CHRONY_GENERATION=0123456789abcdef
+Environment=CHRONY_GENERATION={GENERATION.id}"""
    )
    assert_nowhere(SECRET, diff)


def test_a_diff_against_a_bare_host_adds_every_line() -> None:
    diff = STAGED.diff("==> generation\nmissing\n==> chrony.conf\n==> chronyd.service")
    assert [line for line in diff.splitlines() if line.startswith("+p")] == ["+pool pool.ntp.org iburst"]
    assert_nowhere(SECRET, diff)


def test_nothing_but_another_key_is_an_empty_diff() -> None:
    assert STAGED.diff(f"==> generation\nmissing\n{CURRENT}") == ""


FILE_DIFFS = [
    pytest.param(
        "missing", "--- /opt/chrony/switch\n+++ /opt/chrony/switch (new)\n@@ -0,0 +1 @@\n+#!/bin/sh", id="new"
    ),
    pytest.param(
        f"0755 root:root\n{digest('#!/bin/bash')}  -\n#!/bin/bash",
        "--- /opt/chrony/switch\n+++ /opt/chrony/switch (new)\n@@ -1 +1 @@\n-#!/bin/bash\n+#!/bin/sh",
        id="other",
    ),
    pytest.param(f"0644 root:root\n{digest('#!/bin/sh')}  -\n#!/bin/sh", "", id="only its mode"),
]


@pytest.mark.parametrize(("seen", "diff"), FILE_DIFFS)
def test_the_diff_of_a_file(seen: str, diff: str) -> None:
    assert FILE.diff(seen) == diff


def ask(script: str) -> str:
    """Ask a look as the survey does."""
    return survey(HOST, [Asked(script)])[0]


@dataclass(frozen=True)
class Asked:
    """A look alone."""

    script: str
    title: str = "asked"

    def look(self) -> str:
        return self.script

    def drift(self, seen: str) -> str | None:
        return None

    def diff(self, seen: str) -> str:
        return ""

    def apply(self, host: Host) -> None:
        raise AssertionError("only asked")


def tree(folder: Path) -> dict[str, str]:
    """Return what lies in a folder: the content of each file, the target of each link."""
    return {
        str(path.relative_to(folder)): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@needs_root
def test_a_symlink_to_the_very_same_content_is_no_file_of_ours(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("one\n")
    (tmp_path / "target").chmod(0o644)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    step = File(str(tmp_path / "link"), "one\n")
    assert step.drift(ask(step.look())) == "a symlink is in its place"


@needs_root
def test_a_file_is_looked_at_and_written(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("not ours\n")
    place = tmp_path / "it's ours"
    step = File(str(place), "one\ntwo", mode="0640")
    for there in ("missing", "symlink", "other"):
        place.unlink(missing_ok=True)
        if there == "symlink":
            place.symlink_to(target)
        elif there == "other":
            place.write_text("three\n")
        assert step.drift(ask(step.look())) is not None
        with claimed(tmp_path / "opt") as host:
            step.apply(host)
        assert step.drift(ask(step.look())) is None
        assert place.read_text() == "one\ntwo"
        assert not place.is_symlink()
    assert target.read_text() == "not ours\n"


def test_a_folder_in_a_files_place_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="could not look"):
        ask(File(str(tmp_path), "x").look())


USERS = [pytest.param("root", "there", id="there"), pytest.param("no-such-account", "missing", id="missing")]


@pytest.mark.parametrize(("name", "seen"), USERS)
def test_an_account_is_looked_for(name: str, seen: str) -> None:
    assert ask(ServiceUser(name).look()) == seen


PACKAGE_LOOKS = [
    pytest.param("[ $1 = gcc ]", False, "make\nm4", id="two are missing"),
    pytest.param("true", False, "", id="all are there"),
    pytest.param("false", True, "built", id="the build is there"),
]


@pytest.mark.parametrize(("query", "finished", "seen"), PACKAGE_LOOKS)
def test_packages_are_asked_for_until_the_build_is_there(query: str, finished: bool, seen: str, tmp_path: Path) -> None:
    if finished:
        (tmp_path / "receipt.json").write_text("{}")
    step = Packages(replace(MANAGERS["apt-get"], query=query), ("gcc", "make", "m4"), str(tmp_path))
    assert ask(step.look()) == seen


def test_source_is_wanted_only_for_a_build_that_is_to_come(tmp_path: Path) -> None:
    look = remote.load("look_packages", str(tmp_path), "false", "build")
    assert ask(look) == "build"
    (tmp_path / "receipt.json").touch()
    assert ask(look) == "built"


def test_fetching_says_where_from_and_asks_the_host_nothing() -> None:
    said: list[str] = []
    host = Host(LocalTransport(), log=said.append, progress=said.append)
    Fetched(RECIPE, lambda _: False, lambda release: f"{release} from the moon").apply(host)
    assert [line for line in said if line.startswith("nettle")] == ["nettle 3.10.2 from the moon"] * 2
    assert host.trips == 0


def staged_build(folder: Path) -> Path:
    for name in ("sbin/chronyd", "bin/chronyc"):
        (folder / "stage" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "stage" / name).write_text(name)
        (folder / "stage" / name).chmod(0o700)
    (folder / "configure.log").write_text("Features : +SECHASH\n")
    return folder / "stage"


def install(folder: Path, prefix: Path) -> None:
    log = str(folder / "configure.log")
    arguments = (str(prefix), str(staged_build(folder)), log, NO_OWNER, RECIPE.receipt)
    HOST.run("installing", remote.load("install_build", *arguments, library="libraries"))


def test_a_build_is_installed_whole_and_seen_as_finished(tmp_path: Path) -> None:
    prefix = tmp_path / "builds" / "one"
    look = remote.load("look_build", str(prefix))
    assert ask(look) == "missing"
    install(tmp_path, prefix)
    assert BUILT.drift(ask(look)) is None
    beside = ["configure.log", "libraries", "receipt.json"]
    assert sorted(tree(prefix)) == ["bin/chronyc", *beside, "sbin/chronyd", "sha256sums"]
    assert (prefix / "sbin/chronyd").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in prefix.parent.iterdir()] == ["one"]


DAMAGES: list[Any] = [
    pytest.param(lambda prefix: (prefix / "sbin/chronyd").write_text("other"), "installed", id="a binary is another"),
    pytest.param(lambda prefix: (prefix / "bin/chronyc").unlink(), "installed", id="a binary is gone"),
    pytest.param(lambda prefix: (prefix / "sha256sums").unlink(), "installed", id="the digests are gone"),
    pytest.param(lambda prefix: (prefix / "receipt.json").unlink(), "no finished build", id="no receipt"),
    pytest.param(lambda prefix: (prefix / "receipt.json").write_text("{}\n"), "another recipe", id="other receipt"),
    pytest.param(lambda prefix: (prefix / "receipt.json").write_text(""), "another recipe", id="empty receipt"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGES)
def test_a_build_that_was_touched_is_made_anew(damage: Callable[[Path], object], words: str, tmp_path: Path) -> None:
    prefix = tmp_path / "builds" / "one"
    install(tmp_path, prefix)
    damage(prefix)
    look = remote.load("look_build", str(prefix))
    assert words in str(BUILT.drift(ask(look)))
    install(tmp_path, prefix)
    assert BUILT.drift(ask(look)) is None
    assert [path.name for path in prefix.parent.iterdir()] == ["one"]


def links(folder: Path) -> tuple[str, ...]:
    root = str(folder / "opt")
    return (
        root,
        str(folder / "bin" / "chronyc"),
        f"{root}/current/chronyc",
        str(folder / "etc/conf"),
        f"{root}/current/conf",
    )


def test_links_are_made_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    assert ask(remote.load("look_links", *links(tmp_path), library="can_write")).split("\n") == list(
        links(tmp_path)[1::2]
    )
    HOST.run("making links", remote.load("make_links", *links(tmp_path), library="can_write"))
    assert ask(remote.load("look_links", *links(tmp_path), library="can_write")) == ""
    assert tree(tmp_path) == {
        "opt/made": f"folder {tmp_path}/bin\nfolder {tmp_path}/etc\n",
        "bin/chronyc": f"-> {tmp_path}/opt/current/chronyc",
        "etc/conf": f"-> {tmp_path}/opt/current/conf",
    }


def test_a_link_of_ours_that_leads_elsewhere_is_moved_and_others_files_stay(tmp_path: Path) -> None:
    for folder in ("bin", "etc"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin/chronyc").symlink_to(tmp_path / "opt/old/chronyc")
    (tmp_path / "etc/conf").write_text("the package's")
    assert ask(remote.load("look_links", *links(tmp_path), library="can_write")) == str(tmp_path / "bin/chronyc")
    HOST.run("making links", remote.load("make_links", *links(tmp_path), library="can_write"))
    assert ask(remote.load("look_links", *links(tmp_path), library="can_write")) == ""
    assert tree(tmp_path) == {"bin/chronyc": f"-> {tmp_path}/opt/current/chronyc", "etc/conf": "the package's"}


def test_a_link_of_somebody_elses_stays_even_if_it_leads_nowhere(tmp_path: Path) -> None:
    for name in ("bin/chronyc", "etc/conf"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).symlink_to("/nowhere")
    HOST.run("making links", remote.load("make_links", *links(tmp_path), library="can_write"))
    assert ask(remote.load("look_links", *links(tmp_path), library="can_write")) == ""
    assert set(tree(tmp_path).values()) == {"-> /nowhere"}


def test_links_come_in_pairs() -> None:
    assert len(LINKS) % 2 == 0
    assert all(link.startswith(("/usr/local/", "/etc/chrony/")) for link in LINKS[::2])
    assert all(target.startswith("/opt/chrony/current/") for target in LINKS[1::2])


CHRONYD = """\
#!/bin/sh
[ "$1" = -p ] && [ "$2" = -f ] || exit 64
if grep -q nonsense "$3"; then echo "Fatal error : Invalid directive at line 1 in file $3" >&2; exit 1; fi
cat "$3"
"""


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
            host.upload(packed(Staged(replace(GENERATION, conf=conf))._files()), upload)
            try:
                host.run("staging", remote.load("stage", upload, str(self.generation), build, "adm"))
            finally:
                assert not Path(upload).exists()

    def look(self) -> str:
        seen = ask(remote.load("look_generation", str(self.generation), str(self.root / "current")))
        return seen.replace("root:adm", "root:_chrony")


@needs_root
def test_a_generation_is_staged_whole_and_private(tmp_path: Path) -> None:
    opt = Opt(tmp_path / "opt")
    assert STAGED.drift(opt.look()) == "not there yet"
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
def test_a_configuration_that_the_new_chronyd_refuses_is_not_staged(tmp_path: Path) -> None:
    opt = Opt(tmp_path / "opt")
    with pytest.raises(CommandFailed, match=r"local: staging failed .exit status 1.: Fatal error : Invalid directive"):
        opt.stage("nonsense\n")
    assert opt.generations == []


@needs_root
def test_a_generation_that_was_touched_is_staged_anew(tmp_path: Path) -> None:
    opt = Opt(tmp_path / "opt")
    opt.stage()
    (opt.generation / "chrony.conf").write_text("rtcsync\n")
    assert STAGED.drift(opt.look()) == "differs: chrony.conf"
    opt.stage()
    assert STAGED.drift(opt.look()) is None
    assert opt.generations == [GENERATION.id]


@needs_root
def test_looking_at_generations_shows_the_current_configuration_and_no_key(tmp_path: Path) -> None:
    opt = Opt(tmp_path / "opt")
    opt.stage()
    (opt.root / "current").symlink_to(opt.generation)
    assert STAGED.diff(opt.look()) == ""
    assert_nowhere(SECRET, opt.look())


SYSTEMCTL = """\
#!/bin/sh
# systemctl show -p NAME ... UNIT...: an empty line stands between units.
echo "$@" >>"$FOLDER/calls"
[ "$1" = show ] || exit 0
shift
wanted=
while [ "$1" = -p ]; do wanted="$wanted $2"; shift 2; done
first=$1
for unit; do
    [ "$unit" = "$first" ] || echo
    for name in $wanted; do grep "^$name=" "$FOLDER/$unit" || exit 1; done
done
"""


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that shows what lies in files, and writes down what it is told."""
    folder = tmp_path / "systemd"
    folder.mkdir()
    (folder / "systemctl").write_text(SYSTEMCTL)
    (folder / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("FOLDER", str(folder))
    return folder


def shows(id_: str, load: str, active: str, enabled: str, path: str, pid: int = 0) -> str:
    values = {"Id": id_, "LoadState": load, "ActiveState": active, "UnitFileState": enabled, "FragmentPath": path}
    values |= {"NeedDaemonReload": "no", "MainPID": str(pid)}
    return "".join(f"{name}={value}\n" for name, value in values.items())


def has_no_rivals(systemctl: Path) -> None:
    for unit in UNITS:
        (systemctl / unit).write_text(shows(unit, "not-found", "inactive", "", ""))


@needs_root
def test_rivals_are_stopped_and_what_they_were_is_kept(systemctl: Path, tmp_path: Path) -> None:
    (systemctl / "chronyd.service").write_text(shows("chronyd.service", "loaded", "active", "enabled", "/etc/y"))
    (systemctl / "chrony.service").write_text(shows("chrony.service", "loaded", "active", "enabled", "/lib/x"))
    (systemctl / "ntp.service").write_text(shows("ntpsec.service", "loaded", "inactive", "disabled", "/lib/y"))
    (systemctl / "ntpsec.service").write_text(shows("ntpsec.service", "loaded", "inactive", "disabled", "/lib/y"))
    (systemctl / "ntpd.service").write_text(shows("ntpd.service", "not-found", "inactive", "", ""))
    (systemctl / "openntpd.service").write_text(shows("openntpd.service", "loaded", "active", "enabled", "/etc/z"))
    (systemctl / "systemd-timesyncd.service").write_text(
        shows("systemd-timesyncd.service", "masked", "inactive", "masked", "/dev/null")
    )
    assert OthersStopped().drift(ask(OthersStopped().look())) == (
        "chrony.service is active, enabled; ntpsec.service is inactive, disabled; openntpd.service is active, enabled"
    )
    (systemctl / "calls").unlink()
    # As on a host, but for the folder.
    switch = f"set -- --stop-others\n{remote.switch()}".replace("root=/opt/chrony", f"root={tmp_path}")
    for _ in range(2):
        HOST.run("stopping", switch)
    assert (tmp_path / "before/services").read_text().splitlines() == [
        "chrony.service active enabled",
        "ntpsec.service inactive disabled",
        "openntpd.service active enabled",
    ]
    told = [line for line in (systemctl / "calls").read_text().splitlines() if not line.startswith("show")]
    held = ["-q mask chrony.service", "-q mask ntpsec.service", "-q disable openntpd.service"]
    stopped = ["stop chrony.service openntpd.service"]
    assert told == ["is-enabled chronyd.service", "is-active chronyd.service", *held, *stopped, *held, *stopped]


def test_a_systemctl_that_fails_could_not_tell(systemctl: Path) -> None:
    has_no_rivals(systemctl)
    with pytest.raises(CommandFailed, match="could not look"):
        ask(OthersStopped().look())


def look_at(folder: Path) -> str:
    return remote.load("look_active", str(folder / "current"), str(folder / "chronyd.service"), library="others")


def test_what_runs_is_looked_at(systemctl: Path, tmp_path: Path) -> None:
    has_no_rivals(systemctl)
    unit = tmp_path / "chronyd.service"
    unit.write_text(GENERATION.unit)
    (tmp_path / "current").symlink_to(f"generations/{GENERATION.id}")
    state = shows("chronyd.service", "loaded", "active", "enabled", str(unit), os.getpid())
    (systemctl / "chronyd.service").write_text(state)
    seen = ask(look_at(tmp_path)).splitlines()
    wanted = RUNS.replace("MainPID=4413", f"MainPID={os.getpid()}").splitlines()[:6]
    assert set(wanted) < set(seen)
    process = ["running generation=", f"executable={Path('/proc/self/exe').resolve()}"]
    assert seen[-len(UNITS) - 2 :] == [*process, *NOT_FOUND.splitlines()]


def test_a_service_that_is_another_units_alias_is_ours_to_look_at_and_a_rival(systemctl: Path, tmp_path: Path) -> None:
    has_no_rivals(systemctl)
    packaged = shows("chrony.service", "loaded", "active", "enabled", "/lib/systemd/system/chrony.service")
    for unit in ("chronyd.service", "chrony.service"):
        (systemctl / unit).write_text(packaged)
    seen = ask(look_at(tmp_path))
    assert "ActiveState=active" in seen.splitlines()
    assert seen.count("chrony.service|loaded|active|enabled|") == 1
    assert ACTIVE.drift(seen) == (
        f"current is nothing, not generations/{GENERATION.id}; stops and masks chrony.service, which is active"
    )


BARE_LOOKS = [
    pytest.param(lambda unit: None, "missing", id="no unit file"),
    pytest.param(lambda unit: unit.symlink_to("/lib/systemd/system/chrony.service"), "a symlink", id="a symlink"),
]


@pytest.mark.parametrize(("prepare", "words"), BARE_LOOKS)
def test_a_host_on_which_nothing_runs_is_looked_at(
    prepare: Callable[[Path], None], words: str, systemctl: Path, tmp_path: Path
) -> None:
    prepare(tmp_path / "chronyd.service")
    has_no_rivals(systemctl)
    (systemctl / "chronyd.service").write_text(shows("chronyd.service", "not-found", "inactive", "", ""))
    seen = ask(look_at(tmp_path))
    assert set(BARE.replace("=missing", f"={words}").splitlines()) < set(seen.splitlines())
    assert ACTIVE.drift(seen) == f"current is nothing, not generations/{GENERATION.id}"


def test_a_systemctl_that_cannot_say_what_runs_could_not_tell(systemctl: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="could not look"):
        ask(look_at(tmp_path))


@needs_root
def test_a_build_is_made_by_an_id_that_belongs_to_nobody(tmp_path: Path) -> None:
    with claimed(tmp_path) as host:
        folder, builder = host.my_workplace.build, host.my_workplace.builder
        line = remote.load("as_builder", folder, str(builder), 'id -u; pwd; echo "$HOME"; touch file; umask')
        assert host.run("building", line) == f"{builder}\n{folder}\n{folder}\n0022\n"
        assert (Path(folder) / "file").stat().st_uid == builder


@needs_root
def test_a_build_sees_nothing_of_the_environment_of_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CFLAGS", "CC", "MAKEFLAGS", "CPATH", "SOURCE_DATE_EPOCH", "TZ", "LANG"):
        monkeypatch.setenv(name, "of the login")
    with claimed(tmp_path) as host:
        folder, builder = host.my_workplace.build, host.my_workplace.builder
        for account in (str(builder), str(os.getuid())):
            said = host.run("building", remote.load("as_builder", folder, account, "env"))
            names = {line.partition("=")[0] for line in said.splitlines()}
            # The shell sets the last two by itself.
            assert names - {"PWD", "OLDPWD", "_", "SHLVL"} == {"HOME", "PATH", "LC_ALL"}


def test_a_build_begins_in_an_empty_folder_and_a_full_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "of an earlier build").mkdir()
    HOST.run("room", remote.load("need_room", str(tmp_path), "1"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CommandFailed, match=r"no space left: .* has \d+ MB free, a build needs 99999999 MB"):
        HOST.run("room", remote.load("need_room", str(tmp_path), "99999999"))


PASSED = "Testing hash                          PASS\nTesting cmac                     PASS\n"
UNIT_TESTS = [
    pytest.param(PASSED, None, id="all passed"),
    pytest.param(f"{PASSED}Testing siv  SKIP\n", None, id="a feature that is left out"),
    pytest.param(f"{PASSED}Testing keys  FAIL\n", "3 ran, not passed: keys", id="one failed"),
    pytest.param("Testing cmac  SKIP\n", "1 ran, not passed: cmac, which did not run", id="no CMAC"),
    pytest.param("", "0 ran, not passed: cmac, which did not run", id="none ran"),
    pytest.param("Testing keys\nTesting cmac  PASS\n", None, id="a line that was cut"),
]


@pytest.mark.parametrize(("said", "words"), UNIT_TESTS)
def test_chronys_own_tests_are_counted(said: str, words: str | None) -> None:
    if words is None:
        _judge_unit_tests(said)
        return
    with pytest.raises(BuildRefused, match=f"^chrony's unit tests: {words}$"):
        _judge_unit_tests(said)


def test_a_daemon_that_is_masked_and_runs_all_the_same_is_a_rival() -> None:
    seen = "systemd-timesyncd.service|masked|active|masked|\nntp.service|not-found|inactive||\n"
    assert OthersStopped().drift(seen) == "systemd-timesyncd.service is active, masked"


@pytest.mark.skipif(os.geteuid() != 0, reason="what is placed becomes root's")
def test_a_build_that_is_placed_has_our_modes_whatever_the_archive_says(tmp_path: Path) -> None:
    new, prefix = tmp_path / "new", tmp_path / "builds" / "chrony"
    (new / "sbin").mkdir(parents=True)
    (new / "sbin/chronyd").write_bytes(b"")
    (new / "receipt.json").write_bytes(b"")
    for path, mode in (
        (new, 0o777),
        (new / "sbin", 0o777),
        (new / "sbin/chronyd", 0o6777),
        (new / "receipt.json", 0o666),
    ):
        path.chmod(mode)
        os.chown(path, 1234, 1234)
    prefix.mkdir(parents=True)
    (prefix / "damaged").touch()
    subprocess.run(["sh", "-c", remote.load("place_build", str(new), str(prefix))], check=True)
    assert not new.exists()
    seen = {str(path.relative_to(prefix)): path.stat() for path in (prefix, *prefix.rglob("*"))}
    assert {name: oct(stat.st_mode & 0o7777) for name, stat in seen.items()} == {
        ".": "0o755",
        "sbin": "0o755",
        "sbin/chronyd": "0o755",
        "receipt.json": "0o644",
    }
    assert {stat.st_uid for stat in seen.values()} == {0}


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
def test_of_long_keys_only_the_parts_that_are_new_travel(before: Keys, after: Keys, most: int, tmp_path: Path) -> None:
    opt = Opt(tmp_path / "opt")
    current = opt.root / "current"
    current.mkdir()
    (current / "chrony.keys").write_text(before.text)
    wanted = parts(after)
    said = ask(remote.load("key_parts", str(current / "chrony.keys"), *(str(part.first) for part in wanted)))
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
        host.run("staging", remote.load("stage", upload, str(opt.generation), build, "adm"))
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
def test_what_is_no_digest_is_refused(said: str) -> None:
    with pytest.raises(ParseError, match="did not tell the digests"):
        parse_digests(said)
