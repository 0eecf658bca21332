"""The state of a scripted host: what was staged, switched and confirmed, and the trees of files by that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from provision.build.integrity import FILE, FOLDER, LINK, Entry, build_entries, file_of, generation_entries
from provision.build.recipe import Recipe
from provision.deploy.generation import Generation
from provision.host.paths import ROOT
from provision.host.transport import Output
from tests.helpers.samples import CASES, FACTS_TEXT
from tests.helpers.script_calls import Call
from tests.helpers.step_samples import SUMS, build_tree

SERVER = (CASES / "evidence" / "server.txt").read_text()
SAID = "==> "
REAL_ID, REAL_BUILD = "ff3107c3083169da", "chrony-4.9-nettle-3.10.2-48d8d26a6fd6"
WORKSPACE = PurePosixPath(ROOT, "work", "1")
REAL_COMMAND = f"{ROOT}/current/build/sbin/chronyd -n -U -x -F 2 -f {ROOT}/current/chrony.conf"
"""The generation, the build and the command line in that evidence."""
REHEARSED = (CASES / "rehearsal" / "server.txt").read_text()
BUILD_SAID = SERVER.partition(f"{SAID}accheck\n")[2].partition("\n")[2].partition(f"{SAID}journal")[0]
"""What its programs said of themselves, and configure of it."""
CONFIGURED = BUILD_SAID.partition("configure.log\n")[2].partition(SAID)[0]
NOT_DEPLOYED = f"{SAID}not deployed\n"
NO_FIREWALL = (CASES / "firewall" / "none.txt").read_text()
KEYGEN = "1 AES128 HEX:00112233445566778899AABBCCDDEEFF\n"


Answer = str | Output | Callable[[Call], str | Output]


def tree_text(entries: Mapping[str, Entry]) -> str:
    lines = []
    for path, entry in entries.items():
        kind = {FILE: "regular file", FOLDER: "directory", LINK: "symbolic link"}[entry.kind]
        lines.append(f"{kind}|{entry.mode or '0777'}|{entry.owner}|{path}")
        if entry.kind == LINK:
            lines.append(f"-> {entry.content}  {path}")
        elif entry.content is not None:
            lines.append(f"{entry.content}  {path}")
    return "\n".join(lines)


@dataclass(slots=True)
class ScriptedState:
    """The state of a host, and the commands and questions that it got."""

    recipe: Recipe
    facts: str = FACTS_TEXT
    name: str = "ntp1"
    is_direct: bool = True
    answers: dict[str, Answer] = field(default_factory=dict)
    """Answers of the host in place of those that its state gives."""
    told: list[str] = field(default_factory=list)
    """The names of all scripts that changed something, in order."""
    asked: list[str] = field(default_factory=list)
    """The names of all questions, in order."""
    uploads: dict[str, bytes] = field(default_factory=dict)
    downloads: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, tuple[bytes, str, str]] = field(default_factory=dict)
    """Path → content, mode, group of the files that were written."""
    build_files: Mapping[str, bytes] | None = None
    """The files of the build, as an artifact has them; None: those of the samples."""
    generations: dict[str, Generation] = field(default_factory=dict)
    """Those that may come to the host, by their ids."""
    built: bool = True
    account: bool = False
    staged: list[str] = field(default_factory=list)
    rehearsed: set[str] = field(default_factory=set)
    current: str = ""
    running: str = ""
    unconfirmed: str = ""
    fallback: str = ""
    """What runs again when the host goes back; empty: what ran before the first deployment."""
    evidence: str = SERVER
    tracking_log: str = ""
    """What the real server has said, or what a test makes of that."""
    linked: bool = False
    units: frozenset[str] = frozenset()
    """Our units beside chronyd's that run."""
    history: list[str] = field(default_factory=list)
    packages: str = ""
    """Those that are missing."""
    others: str = ""
    """What else keeps time: lines of look_active.sh."""
    existing: str = "finished"
    """What print_existing.sh says before the first deployment."""
    firewall: str = NO_FIREWALL
    """What print_firewall.sh says."""
    waits: bool = False
    tells_metrics: bool = False
    admins_unit: str = ""
    """The text of a chronyd.service of the administrator, in /etc."""
    closed: bool = False

    @property
    def build_tree(self) -> str:
        """Return the build, as print_tree.sh does."""
        if self.build_files is None:
            return build_tree(self.recipe.receipt)
        return tree_text(build_entries(self.recipe.prefix, self.build_files))

    @property
    def sums(self) -> str:
        """Return the digests that are noted in the build."""
        return SUMS if self.build_files is None else self.build_files["sha256sums"].decode()

    def generation_tree(self, id_: str) -> str:
        """Return a generation's folder, as print_tree.sh does."""
        one = self.generations[id_]
        entries = generation_entries(one.path, build=one.recipe.name, user=one.user, files=one.files)
        marks = {f"{one.path}/rehearsed": file_of(b"")} if id_ in self.rehearsed else {}
        return tree_text({**entries, **marks})
