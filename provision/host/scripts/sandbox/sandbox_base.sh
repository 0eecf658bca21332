# shellcheck shell=dash
# sandbox_base SUITE FOLDER [ARCHITECTURE]: create the base image of a Debian suite, from a mirror in this machine's
# configuration of apt. FOLDER exists only when the image is complete.
set -eu
suite=$1 base=$2 architecture=${3-} new=$2.new
packages=systemd,systemd-sysv,dbus,openssh-server,iproute2,sudo

mirrors() {
    # shellcheck disable=SC2016 # apt fills it in
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | sort -u
}

# Succeed if a mirror has the suite. With apt's own downloader, for its proxy and certificates.
has_suite() { # MIRROR
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
if [ -z "$mirror" ]; then
    echo "no mirror that apt uses here has Debian $suite" >&2
    exit 1
fi
# The list of a suite that moves, such as testing, is valid for a week; a mirror that is not updated has it for longer.
valid_until=$(sed -n 's/^Valid-Until: //p; /^MD5Sum:/q; /^SHA256:/q' "$new/InRelease")
rm -f "$new"/InRelease*
case $mirror in
    https:*) packages=$packages,ca-certificates ;;
esac

# This machine's debootstrap may be older than the suite; it makes all newer ones as it makes sid.
recipe=/usr/share/debootstrap/scripts/$suite
[ -e "$recipe" ] || recipe=/usr/share/debootstrap/scripts/sid

# In its own mount namespace, so that /proc in the new root disappears with debootstrap, even if that is killed.
# Without --force-check-gpg, a missing keyring would only be a warning.
unshare --mount debootstrap --variant=minbase --force-check-gpg ${architecture:+--arch="$architecture"} \
    --include="$packages" "$suite" "$new" "$mirror" "$recipe"
if [ -n "$valid_until" ] && [ "$(date -d "$valid_until" +%s)" -lt "$(date +%s)" ]; then
    echo 'Acquire::Check-Valid-Until "false";' >"$new/etc/apt/apt.conf.d/mirror-is-not-updated"
fi

# Remove the files that each host must have of its own. An empty machine-id is filled in at boot; a missing one means "first
# boot".
rm -f "$new"/etc/ssh/ssh_host_* "$new"/var/lib/dbus/machine-id "$new"/var/cache/apt/archives/*.deb
: >"$new/etc/machine-id"
mv "$new" "$base"
