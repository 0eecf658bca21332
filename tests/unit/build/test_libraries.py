"""From which packages a build has its libraries: what hosts wrote down, and the script that asks them."""

import os
import re
import subprocess
from pathlib import Path
from shlex import quote

import pytest

from provision.build.libraries import Libraries, parse_libraries
from provision.common.errors import ParseError
from provision.host import scripts
from provision.host.packages import MANAGERS, NO_OWNER
from tests.helpers.samples import CASES

BOOKWORM = ("libc6", "libcap2", "libedit2", "libgnutls30", "libseccomp2")
WRITTEN = [
    pytest.param("bullseye", BOOKWORM, id="Debian 11"),
    pytest.param("bookworm", BOOKWORM, id="Debian 12"),
    pytest.param("trixie", ("libc6", "libcap2", "libedit2", "libgnutls30t64", "libseccomp2"), id="Debian 13"),
]


@pytest.mark.parametrize(("case", "packages"), WRITTEN)
def test_a_host_wrote_down_whose_libraries_it_has(case: str, packages: tuple[str, ...]) -> None:
    text = (CASES / "libraries" / f"{case}.txt").read_text()
    assert parse_libraries(text) == Libraries(packages=packages)


def test_a_library_that_no_package_has_is_named() -> None:
    text = "libc.so.6 libc6\nlibmine++.so.1 -\nlibm.so.6 libc6\n"
    assert parse_libraries(text) == Libraries(packages=("libc6",), unowned=("libmine++.so.1",))


STRANGE = [
    pytest.param("", "it is empty", id="nothing"),
    pytest.param("libc.so.6\n", "'libc.so.6'", id="a line that was cut"),
    pytest.param("libc.so.6 libc6\n\n", "''", id="an empty line"),
    pytest.param("libc.so.6 --purge\n", "'libc.so.6 --purge'", id="an option in place of a package"),
    pytest.param("libc.so.6 libc6;reboot\n", "'libc.so.6 libc6;reboot'", id="more than a name"),
]


@pytest.mark.parametrize(("text", "words"), STRANGE)
def test_a_file_that_is_not_as_it_was_written_is_refused(text: str, words: str) -> None:
    with pytest.raises(
        ParseError, match=f"^the file libraries of a build is not as it was written: {re.escape(words)}$"
    ):
        parse_libraries(text)


LDD = """\
#!/bin/sh
cat <<END
$1:
\tlinux-vdso.so.1 (0x00007ffd2b5f2000)
\tlibgnutls.so.30 => /lib/x86_64-linux-gnu/libgnutls.so.30 (0x00007f1c2a000000)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f1c29e00000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f1c2a3f0000)
\tlibp11-kit.so.0 => /lib/x86_64-linux-gnu/libp11-kit.so.0 (0x00007f1c29c00000)
END
"""
OBJDUMP = "#!/bin/sh\necho '  NEEDED               libc.so.6'; echo '  NEEDED               libgnutls.so.30'\n"
NO_OBJDUMP = "#!/bin/sh\nexit 127\n"
EACH_HAS = "case $1 in {} *) exit 1 ;; esac"
ASKED = [
    pytest.param(
        OBJDUMP,
        "/lib/*libc.so.6) echo libc6 ;; /lib/*libgnutls.so.30) echo libgnutls30 ;;",
        "libc.so.6 libc6\nlibgnutls.so.30 libgnutls30\n",
        id="only what the program itself asks for",
    ),
    pytest.param(
        OBJDUMP,
        "/lib/*libc.so.6) echo libc6 ;; /usr/lib/*libgnutls.so.30) echo libgnutls30 ;;",
        "libc.so.6 libc6\nlibgnutls.so.30 libgnutls30\n",
        id="a package that has it below /usr",
    ),
    pytest.param(
        OBJDUMP,
        "*libc.so.6) echo 'file is not owned by any package'; exit 1 ;; *gnutls*) echo gnutls; echo gnutls ;;",
        "libc.so.6 -\nlibgnutls.so.30 gnutls\n",
        id="rpm: nobody has it, or the packages of two architectures",
    ),
    pytest.param(OBJDUMP, "*) true ;;", "libc.so.6 -\nlibgnutls.so.30 -\n", id="an empty answer"),
    pytest.param(
        NO_OBJDUMP,
        "*libc.so.6) echo libc6 ;; *) echo other ;;",
        "libc.so.6 libc6\nlibgnutls.so.30 other\nlibp11-kit.so.0 other\n",
        id="no objdump: all of them",
    ),
]


def written(owner: str, *programs: str, **environment: str) -> str:
    """Return what the script wrote down, run as the one that installs a build does."""
    words = " ".join(quote(word) for word in (owner, *programs))
    line = ["sh", "-euc", f"{scripts.text('library_packages')}\nowners {words}"]
    env = {**os.environ, **environment}
    return subprocess.run(line, check=True, capture_output=True, text=True, timeout=60, env=env).stdout


@pytest.mark.parametrize(("objdump", "has", "lines"), ASKED)
def test_each_library_is_asked_for_by_both_of_its_names(objdump: str, has: str, lines: str, tmp_path: Path) -> None:
    for name, script in (("ldd", LDD), ("objdump", objdump)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert written(EACH_HAS.format(has), "/opt/sbin/chronyd", PATH=path) == lines


@pytest.mark.skipif(not Path("/var/lib/dpkg/status").exists(), reason="needs dpkg")
def test_dpkg_knows_whose_the_libraries_of_the_shell_are() -> None:
    found = parse_libraries(written(MANAGERS["apt-get"].owner, "/bin/sh"))
    assert "libc6" in found.packages
    assert found.unowned == ()


def test_without_a_package_manager_no_package_has_them() -> None:
    found = parse_libraries(written(NO_OWNER, "/bin/sh"))
    assert found.packages == ()
    assert any(soname.startswith("libc.") for soname in found.unowned)
