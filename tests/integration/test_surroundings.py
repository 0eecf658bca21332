"""Tasks in odd surroundings, and options with odd values: a documented exit status, a line, and never a traceback."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.booted_hosts import ROOT
from tests.helpers.prestarted import PATHS, Job, Ran, run_jobs, run_jobs_anew

pytestmark = pytest.mark.integration

STATUSES = {0, 1, 2, 3, 130, 141}
"""Of docs/pipeline.md, and 141 of a command whose output nobody reads."""
STRANGER = 65534
"""An account that owns no file of the tests."""
NAMELESS = 54321
"""An account that is not in passwd, as in some containers: it has neither a name nor a home folder."""
TARBALL = b"a tarball"
SITE = f"""
[release]
chrony = "4.99"
nettle = "system"

[release.sha256]
chrony = "{sha256(TARBALL).hexdigest()}"

[hosts.ntp1]
host = "root@127.0.0.1:1"
"""
"""Nothing listens on port 1: a host that refuses the connection."""


def assert_in_words(ran: Ran) -> None:
    """Assert that a job ended with a documented status, in lines that a terminal can show."""
    text = ran.output + ran.errors
    assert "Traceback" not in text, ran
    assert ran.status in STATUSES, ran
    assert text.replace("\n", "").replace("\t", "").isprintable(), ran
    if ran.errors.startswith("error: "):
        assert ran.errors.count("\n") == 1, ran


class Lab:
    """A folder with a site and a tarball that every account may read, and the jobs that run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site.toml"
        self.site.write_text(SITE)
        self.sources = self.made("sources")
        (self.sources / "chrony-4.99.tar.gz").write_bytes(TARBALL)
        self.old = folder / "chrony.conf"
        self.old.write_text("server ntp1.example.net iburst\n")
        self.home = self.made("home", 0o777)

    def made(self, name: str, mode: int = 0o755) -> Path:
        """Make a folder."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        path.chmod(mode)
        return path

    def environment(self, **variables: str) -> dict[str, str]:
        """Return an environment that leads to the home of the lab, or elsewhere."""
        return {**PATHS, "HOME": str(self.home), **variables}

    def run(self, jobs: Mapping[str, Job]) -> list[Ran]:
        """Run jobs, each with its own surroundings."""
        return run_jobs(self.folder, jobs)

    def tasks(self) -> dict[str, list[str]]:
        """Return words for each task of the product, as far as it needs no host that answers."""
        site = ["--site", str(self.site)]
        host = [*site, "--host", "ntp1"]
        return {
            "list": ["--list"],
            "help": ["--help", "deploy"],
            "mistake": ["deploy", "--hots", "ntp1"],
            "releases": ["releases", "--offline"],
            "site": ["site", *site],
            "import": ["import", "--file", str(self.old), "--to", "imported"],
            "access": ["access", "10.0.0.1", *site],
            "fetch": ["fetch", *site, "--sources", str(self.sources)],
            "bundle": ["bundle", "made.bundle", *site, "--sources", str(self.sources)],
            "keys.add": ["keys.add", *site],
            "keys": ["keys", *site],
            "keys.lint": ["keys.lint", str(self.site)],
            "keys.export": ["keys.export", "all", *site, "--to", "-"],
            "keys.retire": ["keys.retire", "8", *site],
            "keys.rotate": ["keys.rotate", *site],
            "keys.rotate-nts": ["keys.rotate-nts", *site],
            "sandbox.list": ["sandbox.list"],
            "sandbox.up": ["sandbox.up", "--name", "No!"],
            "sandbox.down": ["sandbox.down", "--name", "no-such-sandbox"],
            "plan": ["plan", *host],
            "deploy": ["deploy", *host, "--json", "report.json", "--junit", "report.xml", "--markdown", "report.md"],
            "build": ["build", *host],
            "verify": ["verify", *host, "--json", "-"],
            "status": ["status", *host],
            "trace": ["trace", *host],
            "report": ["report", *host, "--html", "page.html"],
            "history": ["history", *host],
            "rollback": ["rollback", *host],
            "uninstall": ["uninstall", *host],
        }

    def jobs(self, **surroundings: Any) -> dict[str, Job]:
        """Return a job for each task."""
        return {name: {"words": words, **surroundings} for name, words in self.tasks().items()}


@pytest.fixture
def lab(public_path: Path) -> Lab:
    return Lab(public_path)


def test_every_task_of_the_product_is_tried(lab: Lab) -> None:
    from provision.cli.tasks import collection  # noqa: PLC0415 -- the tasks, of this test alone

    tried = {words[0] for words in lab.tasks().values()}
    assert set(collection().task_names) - tried == {"keys.list"}, "keys alone is keys.list"


ONLY_OUTPUT = {"list", "help", "releases", "site", "fetch", "bundle", "keys", "plan", "status", "trace"}
"""Tasks whose result stands on standard output alone."""

FULL = "/dev/full"
NOBODY = ""
"""A stream that leads to a pipe that nobody reads."""


@pytest.mark.parametrize("stream", ["1", "2"])
@pytest.mark.parametrize("end", [FULL, NOBODY], ids=["full", "nobody reads it"])
def test_streams_that_take_nothing(stream: str, end: str, lab: Lab) -> None:
    captured = "12".replace(stream, "")
    surroundings = {"environment": lab.environment(), "streams": {stream: end}, "captured": captured}
    for ran in lab.run(lab.jobs(**surroundings)):
        assert_in_words(ran)
        if (stream, end) == ("1", FULL) and ran.name in ONLY_OUTPUT:
            assert (ran.status, ran.errors) == (1, "error: standard output: No space left on device\n")
        elif stream == "2" and ran.name in {"mistake", *NOT_TRIED}:
            assert ran.status == 2, NO_CHANGE


CLOSED = [
    pytest.param("<&- 1>&-", "2", id="standard input and output"),
    pytest.param("2>&-", "1", id="standard error"),
    pytest.param("<&- 1>&- 2>&-", "", id="all"),
]
NO_CHANGE = "a message that nobody sees changes neither the work nor the exit status"


@pytest.mark.parametrize(("closed", "captured"), CLOSED)
def test_streams_that_are_closed(closed: str, captured: str, lab: Lab) -> None:
    jobs = lab.jobs(environment=lab.environment(), captured=captured)
    # Python does more than usual when it starts without a stream.
    for ran in run_jobs_anew(lab.folder, jobs, closed):
        assert_in_words(ran)
        if "1>" not in closed and ran.name in {"mistake", *NOT_TRIED}:
            assert ran.status == 2, NO_CHANGE
        elif "1>" in closed and ran.name in {"verify", "keys.export"}:
            assert ran.status == 2, "the result cannot be written"
            assert "standard output is closed; name a file\n" in ran.errors or "2>&-" in closed


def test_a_terminal_that_shows_ascii_alone(lab: Lab) -> None:
    jobs = lab.jobs(environment=lab.environment())
    for ran in run_jobs_anew(lab.folder, jobs, PYTHONIOENCODING="ascii", LC_ALL="C"):
        assert_in_words(ran)
        assert (ran.output + ran.errors).isascii()


def homes(lab: Lab) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield folders and homes that cannot be used."""
    yield "XDG_ names a file", {"environment": lab.environment(**dict.fromkeys(XDG, "/dev/null"))}
    yield "XDG_ is not there", {"environment": lab.environment(**dict.fromkeys(XDG, "/proc/no"))}
    if os.geteuid() == 0:
        # Root may write everywhere, and another account cannot be tried without root.
        locked = str(lab.made("locked"))
        yield "no HOME", {"environment": PATHS, "account": STRANGER}
        yield "no HOME, no name", {"environment": PATHS, "account": NAMELESS}
        folders = dict.fromkeys(XDG, str(lab.home))
        yield "no name alone", {"environment": {**PATHS, **folders}, "account": NAMELESS}
        yield "no such HOME", {"environment": lab.environment(HOME="/nonexistent/home"), "account": STRANGER}
        yield "HOME is read-only", {"environment": lab.environment(HOME=locked), "account": STRANGER}
        yield "HOME is shut", {"environment": lab.environment(HOME=str(lab.made("h", 0o700))), "account": STRANGER}
        shut = {"folder": str(lab.made("shut", 0o700)), "account": STRANGER}
        yield "folder is shut", {"environment": lab.environment(), **shut}
        yield "checkout is read-only", {"environment": lab.environment(), "folder": str(ROOT), "account": STRANGER}


XDG = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
NOT_TRIED = {"plan", "build", "verify", "status", "trace", "history", "rollback", "uninstall"}
"""Tasks that end at the host of the site, which refuses connections."""


def test_homes_and_folders_that_cannot_be_used(lab: Lab) -> None:
    jobs = {f"{task}, {name}": job for name, where in homes(lab) for task, job in lab.jobs(**where).items()}
    for ran in lab.run(jobs):
        assert_in_words(ran)
        assert "standard output" not in ran.errors, ran
        if ran.name.partition(",")[0] in NOT_TRIED:
            assert ran.status == 2, ran
        if ran.name.endswith("HOME is shut"):
            assert "; let HOME name a folder that this account may read\n" in ran.errors, ran
        if ran.name.endswith("no name alone") and ran.name.partition(",")[0] in {"status", "history"}:
            assert "connection refused" in ran.output + ran.errors, ran
        if ran.name.endswith("no name") and ran.name.partition(",")[0] in NOT_TRIED:
            assert ran.errors.startswith("error: this account has no home folder: let HOME, or XDG_"), ran


def test_a_folder_that_was_removed(lab: Lab) -> None:
    jobs = {
        name: {**job, "folder": str(lab.made(f"gone-{name}")), "folder_is_gone": True}
        for name, job in lab.jobs(environment=lab.environment()).items()
    }
    for ran in lab.run(jobs):
        assert_in_words(ran)


def test_a_site_file_that_cannot_be_looked_for(lab: Lab) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs a second account")
    shut = {"folder": str(lab.made("shut", 0o700)), "account": STRANGER}
    (ran,) = lab.run({"status": {"words": ["status", "--host=ntp1.invalid"], "environment": lab.environment(), **shut}})
    why = "cannot be looked for in this folder; name a site file with --site: Permission denied"
    assert (ran.status, ran.errors) == (2, f"error: site.toml: {why}\n")


def paths(lab: Lab) -> Iterator[tuple[str, str]]:
    """Yield a word for each kind of path that is no regular file, and the path."""
    pipe, loop = lab.folder / "pipe", lab.folder / "loop"
    os.mkfifo(pipe)
    loop.symlink_to("loop")
    yield "pipe", str(pipe)
    yield "endless", "/dev/zero"
    yield "full", "/dev/full"
    yield "folder", str(lab.made("folder"))
    yield "loop", str(loop)
    yield "missing", str(lab.folder / "no" / "such")
    yield "below a file", str(lab.site / "file")
    yield from ODD


ODD = [
    ("long", "x" * 300),
    ("lines", "two\nlines"),
    ("quotes", 'it\'s "it"'),
    ("escapes", "\x1b[31mred\x1b]0;title\x07"),
    ("bytes", "caf\udce9"),
    ("dash", "-rf"),
    ("direction", "a\u202eb"),
    ("tilde", "~nobody-of-this-name/x"),
]
"""Names that a shell can pass."""


def of_paths(lab: Lab) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield commands with a path in each place that takes one."""
    site = ["--site", str(lab.site)]
    for kind, path in paths(lab):
        yield f"site {kind}", ["site", f"--site={path}"]
        yield f"json {kind}", ["status", *site, f"--json={path}"]
        yield f"junit {kind}", ["verify", *site, f"--junit={path}"]
        yield f"markdown {kind}", ["plan", *site, f"--markdown={path}"]
        yield f"sources {kind}", ["fetch", *site, "--nettle=system", f"--sources={path}"]
        yield f"bundle {kind}", ["deploy", *site, f"--bundle={path}"]
        yield f"to {kind}", ["keys.export", "7", *site, f"--to={path}"]
        yield f"to-folder {kind}", ["keys.export", "7", *site, f"--to-folder={path}"]
        yield f"lint {kind}", ["keys.lint", path]
        file = lab.folder / f"keys-{kind}.toml"
        file.write_text(f"[keys]\nfile = {json.dumps(path.encode(errors='backslashreplace').decode())}\n[hosts.ntp1]\n")
        yield f"key file {kind}", ["keys", f"--site={file}"]
        yield f"new key {kind}", ["keys.add", "--id=7", f"--site={file}"]


def of_texts(lab: Lab) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield commands with a text in each place that takes one."""
    site = ["--site", str(lab.site)]
    for kind, text in ODD:
        yield f"task {kind}", [text]
        yield f"option {kind}", ["plan", f"--{text}"]
        yield f"host {kind}", ["status", f"--host={text}"]
        yield f"host of the site {kind}", ["site", *site, f"--host={text}"]
        yield f"limit {kind}", ["status", *site, f"--limit={text}"]
        yield f"chrony {kind}", ["fetch", f"--chrony={text}"]
        yield f"nettle {kind}", ["fetch", f"--nettle={text}"]
        yield f"number {kind}", ["plan", f"--parallel={text}"]
        yield f"scheduler {kind}", ["status", *site, f"--scheduler={text}"]
        yield f"ids {kind}", ["keys.retire", text, *site]
        yield f"label {kind}", ["keys.add", *site, f"--label={text}"]
        yield f"type {kind}", ["keys.add", *site, f"--type={text}"]
        yield f"format {kind}", ["keys.export", "7", *site, "--to=-", f"--format={text}"]
        yield f"server {kind}", ["keys.export", "7", *site, "--to=-", f"--server={text}"]
        yield f"sandbox {kind}", ["sandbox.up", f"--name={text}", "--suite=none"]
        yield f"rollback {kind}", ["rollback", *site, "--host=ntp1", f"--to={text}"]


def test_paths_that_are_no_file(lab: Lab) -> None:
    jobs = {name: {"words": words, "environment": lab.environment()} for name, words in of_paths(lab)}
    for ran in lab.run(jobs):
        assert_in_words(ran)
        if ran.name.endswith("long"):
            assert ran.status == 2, ran


def test_texts_that_are_odd(lab: Lab) -> None:
    jobs = {name: {"words": words, "environment": lab.environment()} for name, words in of_texts(lab)}
    for ran in lab.run(jobs):
        assert_in_words(ran)
        assert "\\\\x" not in ran.errors, "escaped twice"
