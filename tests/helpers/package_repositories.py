"""Fill the local repository of a package manager with empty packages, on a booted Debian that has the manager.

Each package has one file, with its name, so that the manager can be asked for the owner of a file.
"""

from collections.abc import Iterable
from textwrap import dedent

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import login

RPM_FOLDER, PACMAN_FOLDER = "/srv/rpm", "/srv/pacman"
"""The repositories."""
RPM_OWNED, PACMAN_OWNED = "/srv/of-rpm", "/srv/of-pacman"
"""Where the files of the packages are installed."""
_RPM_HEAD = """\
Name: {0}
Version: 1
Release: 1
Summary: Nothing; Debian has it
License: none
BuildArch: noarch
%description
Nothing.
%install
mkdir -p %{{buildroot}}{1}
cd %{{buildroot}}{1} && touch {2}
%files
{1}/{0}
"""
_RPM_FURTHER = """\
%package -n {0}
Summary: Nothing
%description -n {0}
Nothing.
%files -n {0}
{1}/{0}
"""


def offer_rpms(host: Sandbox, names: Iterable[str]) -> None:
    """Add packages to the repository of rpm; needs rpmbuild and createrepo_c."""
    first, *others = names
    # One run of rpmbuild makes all packages of a spec.
    spec = _RPM_HEAD.format(first, RPM_OWNED, " ".join((first, *others)))
    spec += "".join(_RPM_FURTHER.format(name, RPM_OWNED) for name in others)
    # A booted host has another /tmp.
    (host.root / "srv/empty.spec").write_text(spec)
    login(host, f"rpmbuild -bb --quiet --define '_rpmdir {RPM_FOLDER}' /srv/empty.spec && createrepo_c -q {RPM_FOLDER}")


def offer_pacman(host: Sandbox, names: Iterable[str]) -> None:
    """Add packages to the repository of pacman, which is called "local-packages"; needs repo-add."""
    script = f"""
        mkdir -p {PACMAN_FOLDER} && cd "$(mktemp -d)"
        for name in {" ".join(names)}; do
            mkdir -p "$name{PACMAN_OWNED}" && touch "$name{PACMAN_OWNED}/$name"
            printf 'pkgname = %s\\npkgver = 1-1\\npkgdesc = Nothing\\narch = any\\n' "$name" >"$name/.PKGINFO"
            tar -C "$name" -czf "{PACMAN_FOLDER}/$name-1-1-any.pkg.tar.gz" .PKGINFO srv
        done
        repo-add -q {PACMAN_FOLDER}/local-packages.db.tar.gz {PACMAN_FOLDER}/*.pkg.tar.gz
    """
    login(host, dedent(script))
