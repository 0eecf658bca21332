# shellcheck shell=dash
# needs: in_root
# sandbox_base SUITE FOLDER [ARCHITECTURE [QEMU]]: create the base image of a Debian suite, from a mirror in this machine's
# configuration of apt. FOLDER exists only when the image is complete. QEMU: see in_root.sh.
set -eu
suite=$1 base=$2 architecture=${3-} qemu=${4-} new=$2.new
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

if [ -z "$qemu" ]; then
    # This machine's debootstrap may be older than the suite; it makes all newer ones as it makes sid.
    recipe=/usr/share/debootstrap/scripts/$suite
    [ -e "$recipe" ] || recipe=/usr/share/debootstrap/scripts/sid
    # In its own mount namespace, so that /proc in the new root disappears with debootstrap, even if that is killed.
    # Without --force-check-gpg, a missing keyring would only be a warning.
    unshare --mount debootstrap --variant=minbase --force-check-gpg ${architecture:+--arch="$architecture"} \
        --include="$packages" "$suite" "$new" "$mirror" "$recipe"
else
    # The programs that debootstrap would run in the new root for each package take hours in QEMU. mmdebstrap runs this
    # machine's apt, and only the scripts of the packages run in QEMU. It looks for a rule of the whole machine.
    in_root "$qemu" / mmdebstrap --quiet --mode=root --skip=check/qemu --variant=minbase --architectures="$architecture" \
        --include="$packages" "$suite" "$new" "$mirror"
    # A user namespace may make no devices; without them, apt takes every repository for one that is not signed.
    for device in null:3 zero:5 full:7 random:8 urandom:9; do
        rm -f "$new/dev/${device%:*}"
        mknod -m 0666 "$new/dev/${device%:*}" c 1 "${device#*:}"
    done
fi
if [ -n "$valid_until" ] && [ "$(date -d "$valid_until" +%s)" -lt "$(date +%s)" ]; then
    echo 'Acquire::Check-Valid-Until "false";' >"$new/etc/apt/apt.conf.d/mirror-is-not-updated"
fi

# Remove the files that each host must have of its own. An empty machine-id is filled in at boot; a missing one means "first
# boot".
rm -f "$new"/etc/ssh/ssh_host_* "$new"/var/lib/dbus/machine-id "$new"/var/cache/apt/archives/*.deb
: >"$new/etc/machine-id"
mv "$new" "$base"
