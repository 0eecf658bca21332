# shellcheck shell=dash
# needs: resolv_conf in_root
# sandbox_vm_image BASE FOLDER KERNEL CONSOLE [QEMU]: make the disk, the kernel and the initrd of virtual machines from the
# base image of a sandbox. FOLDER exists only when all of it is complete. KERNEL is Debian's package that depends on the newest
# kernel. QEMU: see in_root.sh.
set -eu
umask 022
base=$1 folder=$2 kernel=$3 console=$4 qemu=${5-} new=$2.new
root=$new/root

inside() { in_root "$qemu" "$root" "$@"; }

rm -rf --one-file-system "$new"
mkdir -p "$new"
cp -a "$base" "$root"
cp --remove-destination "$(resolv_conf)" "$root/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 0755 "$root/usr/sbin/policy-rc.d"
export DEBIAN_FRONTEND=noninteractive
inside apt-get update -qq
inside apt-get install -qq --no-install-recommends kmod

# The kernel and busybox are unpacked and not installed: an installation makes Debian's own initrd, which takes a minute.
package=$(inside apt-cache depends "$kernel" | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
mkdir "$new/debs"
inside sh -c "cd /tmp && apt-get download -qq $package busybox-static"
mv "$root"/tmp/*.deb "$new/debs/"
for deb in "$new"/debs/*.deb; do dpkg-deb -x "$deb" "$new/unpacked"; done
# Since Debian 13, packages have /usr/lib and /usr/bin.
modules=$(find "$new/unpacked/lib/modules" "$new/unpacked/usr/lib/modules" -maxdepth 0 2>/dev/null || :)
version=$(ls "$modules")
cp -a "$modules" "$root/lib/"
inside depmod "$version"
cp "$new/unpacked/boot/vmlinuz-$version" "$new/kernel"

# An initrd with the modules of disk and network alone, in the order in which each needs those before it. It sets the
# address as well: without udev and networkd, the machine boots in half of the time, and no lease depends on its clock.
# The files /network and /files come from the initrd of each machine: see sandbox_vm_boot.sh.
initrd=$new/initrd.d
mkdir -p "$initrd/bin" "$initrd/proc" "$initrd/dev" "$initrd/root" "$initrd/modules"
cp "$(find "$new/unpacked" -path '*bin/busybox')" "$initrd/bin/"
number=10
for module in virtio_pci virtio_blk virtio_net virtio_rng ext4; do
    inside modprobe -S "$version" --show-depends "$module" | awk '$1 == "insmod" { print $2 }' >"$new/depends"
    while read -r file; do
        [ -z "$(find "$initrd/modules" -name "*-${file##*/}")" ] || continue
        cp "$root$file" "$initrd/modules/$number-${file##*/}"
        number=$((number + 1))
    done <"$new/depends"
done
# Since Debian 13, modules are compressed.
find "$initrd/modules" -name '*.xz' -exec xz -d {} +
cat >"$initrd/init" <<'END'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do /bin/busybox insmod "$module"; done
. /network
/bin/busybox ip link set lo up
/bin/busybox ip address add "$address" dev eth0
/bin/busybox ip link set eth0 up
/bin/busybox ip route add default via "$gateway"
until /bin/busybox mount -t ext4 -o rw /dev/vda /root 2>/dev/null; do /bin/busybox sleep 0.1; done
/bin/busybox cp -a /files/. /root/
exec /bin/busybox switch_root /root /sbin/init
END
chmod 0755 "$initrd/init"
(cd "$initrd" && find . | cpio -o -H newc --quiet) >"$new/initrd"

rm -f "$root"/var/cache/apt/archives/*.deb "$root/usr/sbin/policy-rc.d"
rm -rf "$root"/var/lib/apt/lists/*
# Mask the units that such a machine does not need: each takes an emulated processor a second or two.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    e2scrub_reap.service getty.target "serial-getty@$console.service" systemd-logind.service systemd-pstore.service \
    dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
    sys-fs-fuse-connections.mount kmod-static-nodes.service modprobe@.service systemd-random-seed.service \
    systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-modules-load.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
mke2fs -q -t ext4 -d "$root" "$new/disk.ext4" 4G
rm -rf --one-file-system "$root" "$new/debs" "$new/unpacked" "$initrd" "$new/depends"
mv "$new" "$folder"
