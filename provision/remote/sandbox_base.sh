# shellcheck shell=sh
# sandbox_base SUITE FOLDER: make the base image of a Debian suite, from a mirror that apt uses here.
# It stands at FOLDER only when it is complete.
set -eu
suite=$1 base=$2 new=$2.new
packages=systemd,systemd-sysv,dbus,openssh-server,iproute2,sudo

mirrors() {
    # shellcheck disable=SC2016 # apt fills it in
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | sort -u
}

has_suite() { # as apt sees it: its proxy, its certificates
    /usr/lib/apt/apt-helper download-file "${1%/}/dists/$suite/InRelease" "$new/InRelease" >/dev/null 2>&1
}

rm -rf --one-file-system "$new"
mkdir -p "$new"
[ -n "$(mirrors)" ] || apt-get update -qq # a fresh machine has no package lists
mirror=
for candidate in $(mirrors); do
    if has_suite "$candidate"; then
        mirror=$candidate
        break
    fi
done
rm -f "$new"/InRelease*
if [ -z "$mirror" ]; then
    echo "no mirror that apt uses here has Debian $suite" >&2
    exit 1
fi
case $mirror in
    https:*) packages=$packages,ca-certificates ;;
esac

# In a mount namespace of its own, so that /proc in the new root goes with debootstrap, even when that is killed.
# Without --force-check-gpg a missing keyring is a warning.
unshare --mount debootstrap --variant=minbase --force-check-gpg --include="$packages" "$suite" "$new" "$mirror"

# What each host must have of its own. An empty machine-id is filled in at boot; a missing one means "first boot".
rm -f "$new"/etc/ssh/ssh_host_* "$new"/var/lib/dbus/machine-id "$new"/var/cache/apt/archives/*.deb
: >"$new/etc/machine-id"
mv "$new" "$base"
