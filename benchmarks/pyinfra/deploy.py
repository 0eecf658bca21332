# mypy: disable-error-code="import-not-found"
# (pyinfra lives in an environment of its own, and runs this file there)
"""The work of ``inv deploy`` as a pyinfra deploy: same packages, same recipe, same configuration, keys and unit.

Given with ``--data``: nettle and chrony (tarballs of this machine), key_file (of this machine), time_source.
"""

from pathlib import Path

from pyinfra.context import host
from pyinfra.facts.files import File
from pyinfra.operations import apt, files, server, systemd
from pyinfra.operations.util import any_changed

FILES = Path(__file__).parents[1] / "files"
SOURCE = "/usr/local/src/chrony"
PREFIX = "/opt/chrony"
PACKAGES = [
    "gcc",
    "make",
    "libc6-dev",
    "pkg-config",
    "m4",
    "libcap-dev",
    "libseccomp-dev",
    "libedit-dev",
    "libgnutls28-dev",
]

NETTLE = f"""
tar -xzf {SOURCE}/nettle.tar.gz --no-same-owner --strip-components=1 -C {SOURCE}/nettle-src
cd {SOURCE}/nettle-src
CFLAGS=-O2 ./configure --prefix={SOURCE}/nettle --libdir={SOURCE}/nettle/lib --disable-shared \
    --disable-documentation --disable-public-key --disable-openssl &&
make -j$(nproc) libnettle.a &&
make install-headers install-static install-pkgconfig
"""
CHRONY = f"""
tar -xzf {SOURCE}/chrony.tar.gz --no-same-owner --strip-components=1 -C {SOURCE}/chrony-src
cd {SOURCE}/chrony-src
export PKG_CONFIG_PATH={SOURCE}/nettle/lib/pkgconfig
export CPPFLAGS='-I{SOURCE}/nettle/include -g0' LDFLAGS='-L{SOURCE}/nettle/lib -s'
./configure --prefix={PREFIX} --sysconfdir=/etc/chrony --chronyrundir=/run/chrony \
    --with-pidfile=/run/chrony/chronyd.pid --with-hwclockfile=/etc/adjtime --with-user=_chrony \
    --with-ntp-era=0 --without-nss --without-tomcrypt --enable-scfilter &&
make -j$(nproc) chronyd chronyc &&
make install
"""

apt.packages(
    name="Install the packages to build with", packages=PACKAGES, no_recommends=True, update=True, cache_time=3600
)
server.user(  # noqa: S604 -- the login shell of an account
    name="Make the account",
    user="_chrony",
    system=True,
    home="/var/lib/chrony",
    create_home=False,
    shell="/usr/sbin/nologin",
)
for folder in (f"{SOURCE}/nettle-src", f"{SOURCE}/chrony-src", "/etc/chrony"):
    files.directory(name=f"Make {folder}", path=folder)

if host.get_fact(File, path=f"{SOURCE}/nettle/lib/pkgconfig/nettle.pc") is None:
    files.put(name="Copy Nettle", src=host.data.nettle, dest=f"{SOURCE}/nettle.tar.gz")
    server.shell(name="Build Nettle", commands=[NETTLE])
if host.get_fact(File, path=f"{PREFIX}/sbin/chronyd") is None:
    files.put(name="Copy chrony", src=host.data.chrony, dest=f"{SOURCE}/chrony.tar.gz")
    server.shell(name="Build chrony", commands=[CHRONY])

for program in ("bin/chronyc", "sbin/chronyd"):
    files.link(name=f"Link {program}", path=f"/usr/local/{program}", target=f"{PREFIX}/{program}")
conf = files.template(
    name="Put chrony.conf",
    src=str(FILES / "chrony.conf.j2"),
    dest="/etc/chrony/chrony.conf",
    mode="644",
    time_source=host.data.time_source,
)
keys = files.put(
    name="Put chrony.keys",
    src=host.data.key_file,
    dest="/etc/chrony/chrony.keys",
    user="root",
    group="_chrony",
    mode="640",
)
unit = files.put(
    name="Put the unit",
    src=str(FILES / "chronyd.service"),
    dest="/etc/systemd/system/chronyd.service",
    mode="644",
)
systemd.daemon_reload(name="Let systemd read the unit", _if=unit.did_change)
systemd.service(name="Start the service", service="chronyd", running=True, enabled=True)
server.shell(
    name="Check chrony.conf and restart",
    commands=[f"{PREFIX}/sbin/chronyd -p -f /etc/chrony/chrony.conf", "systemctl restart chronyd"],
    _if=any_changed(conf, keys, unit),
)
