"""Read the configuration of a time service from files of this machine, such as a copy of a host's /etc."""

from pathlib import Path

from provision.chrony.statement import Statement, statements
from provision.common.errors import SiteError
from provision.common.files.regular import read_regular
from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.key_files import with_key_file_in_force

_MOST_BYTES = 4 * 1024 * 1024
_MOST_FILES = 1000
_BY_NAME = {
    "chrony.conf": Program.CHRONY,
    "ntp.conf": Program.NTPD,
    "ntpd.conf": Program.OPENNTPD,
    "timesyncd.conf": Program.TIMESYNCD,
    "ntp.toml": Program.NTPD_RS,
}
_SUFFIXES = {"confdir": ".conf", "sourcedir": ".sources"}
_WILDCARDS = frozenset("*?[")
KINDS = {program.value: program for program in Program}
"""The values of ``--kind``."""


def guessed(path: Path, text: str) -> Program:
    """Return the program of a configuration file by its name, or by its text. Raises SiteError."""
    program = _BY_NAME.get(path.name)
    if program is Program.NTPD and "ntpsec" in path.parent.name:
        return Program.NTPSEC
    if program is not None:
        return program
    if "[Time]" in text.splitlines():
        return Program.TIMESYNCD
    names = {statement.name for statement in statements(text)}
    if names & {"restrict", "tos", "tinker", "fudge", "trustedkey"}:
        return Program.NTPD
    if names & {"makestep", "rtcsync", "keyfile", "allow", "refclock", "confdir", "sourcedir"}:
        return Program.CHRONY
    raise SiteError(f"{path}: it is not clear which program reads it; say --kind, one of {', '.join(KINDS)}")


def read_service(path: Path, program: Program | None) -> ExistingService:
    """Read a configuration file with all files that it names; without ``program``, guess it. Raises SiteError.

    The files that it names are looked for below the folder that has ``etc`` in it, which is ``/backup/ntp1`` for
    ``/backup/ntp1/etc/chrony/chrony.conf``; for a path without ``etc``, below its own folder. Key files may also stand
    beside it.
    """
    text = _read(path)
    kind = program or guessed(path, text)
    reader = _Reader(path)
    reader.add(path, text, kind)
    found = ExistingService(
        program=kind,
        files=tuple(reader.files),
        key_files=tuple(reader.keys),
        unread=tuple(dict.fromkeys(reader.unread)),
    )
    return with_key_file_in_force(found)


class _Reader:
    """Read files, and the files that they name."""

    def __init__(self, main: Path) -> None:
        self.files: list[ConfigFile] = []
        self.keys: list[ConfigFile] = []
        self.unread: list[str] = []
        self._folder = main.parent
        self._root = _root_of(main)
        self._seen: set[Path] = set()

    def add(self, path: Path, text: str, program: Program) -> None:
        """Add a file and what it names."""
        if path in self._seen or len(self._seen) == _MOST_FILES:
            return
        self._seen.add(path)
        # The main file is named as the user named it, others as the configuration names them.
        named = str(path)
        if self.files:
            named = self._named(path.absolute())
        self.files.append(ConfigFile(path=named, text=text))
        is_main = len(self.files) == 1
        if program is Program.TIMESYNCD:
            if is_main:
                self._add_all(f"{path.absolute()}.d/*.conf", program)
            return
        for statement in statements(text, named):
            self._follow(statement, path.absolute().parent, program)
        if is_main and program is Program.NTPSEC:
            self._add_all(f"{path.absolute().parent}/ntp.d/*.conf", program)

    def _follow(self, statement: Statement, folder: Path, program: Program) -> None:
        places = [self._place(word.strip('"'), folder) for word in statement.arguments]
        match statement.name:
            case "include" | "includefile":
                for place in places[:1]:
                    self._add_all(place, program)
            case "confdir" | "sourcedir" if program is Program.CHRONY:
                suffix = _SUFFIXES[statement.name]
                for place in places:
                    self._add_all(f"{place}/*{suffix}", program)
            case "keyfile" | "keys":
                name = " ".join(statement.arguments).replace('"', "")
                self._add_keys(Path(self._place(name, folder)))

    def _place(self, word: str, folder: Path) -> str:
        """Return the place of a file that a line names; a relative path begins at the folder of the line's file."""
        if word.startswith("/"):
            return f"{self._root}{word}"
        return str(folder / word)

    def _add_all(self, pattern: str, program: Program) -> None:
        if program is Program.NTPSEC and Path(pattern).is_dir():
            pattern = f"{pattern.rstrip('/')}/*.conf"
        found = sorted(map(str, Path("/").glob(pattern.lstrip("/"))))
        if not found and not _WILDCARDS & set(pattern):
            self.unread.append(self._named(pattern))
        for name in found:
            try:
                text = _read(Path(name))
            except SiteError:
                self.unread.append(self._named(name))
                continue
            self.add(Path(name), text, program)

    def _add_keys(self, path: Path) -> None:
        place = path
        if not path.exists():
            place = self._folder / path.name
        try:
            self.keys.append(ConfigFile(path=self._named(path), text=_read(place)))
        except SiteError:
            self.unread.append(self._named(path))

    def _named(self, path: Path | str) -> str:
        """Return a path as the configuration names it."""
        return str(path).removeprefix(self._root)


def _root_of(path: Path) -> str:
    """Return what comes before ``/etc`` in a path, which is empty for /etc itself; without it, the folder."""
    before, etc, _ = str(path.absolute()).rpartition("/etc/")
    if not etc:
        return str(path.absolute().parent)
    return before


def _read(path: Path) -> str:
    try:
        return read_regular(path, _MOST_BYTES).decode(errors="surrogateescape")
    except OSError as error:
        raise SiteError(f"{path}: cannot be read: {error.strerror}") from error
