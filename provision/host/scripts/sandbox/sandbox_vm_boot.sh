# shellcheck shell=dash
# needs: join_bridge resolv_conf
# sandbox_vm_boot NAME FOLDER NETNS LINK MAC ADDRESS BRIDGE GATEWAY IMAGE CLOCK CONSOLE QEMU…: boot a virtual machine from an
# image, with a network namespace on the bridge and a hardware clock that says CLOCK. What it writes to its disk is kept in
# FOLDER. QEMU is the command line of its processor.
set -eu
name=$1 folder=$2 netns=$3 link=$4 mac=$5 address=$6 bridge=$7 gateway=$8 image=$9
shift 9
clock=$1 console=$2
shift 2

# The mount shows to which folder the namespace belongs, as that of another sandbox does.
mkdir -p "$folder/root"
mount --bind "$image" "$folder/root"
# The machine itself has the first of the two Ethernet addresses; this one is that of the cable to it.
join_bridge "$netns" "$link" "02:01:${mac#02:00:}" "$bridge"
ip -n "$netns" link add br0 type bridge
ip -n "$netns" link set br0 up
ip -n "$netns" link set host0 master br0 up
ip -n "$netns" tuntap add dev vm0 mode tap
ip -n "$netns" link set vm0 master br0 up

# Linux unpacks an initrd behind another into the same folder: the first is the image's, the second has our files, which
# the first copies to the disk at each boot.
files=$folder/files
rm -rf "$files"
mkdir -p "$files/files/etc/ssh"
install -d -m 0700 "$files/files/root" "$files/files/root/.ssh"
install -m 0600 "$folder/key.pub" "$files/files/root/.ssh/authorized_keys"
install -m 0600 "$folder/host_key" "$files/files/etc/ssh/ssh_host_ed25519_key"
install -m 0644 "$folder/host_key.pub" "$files/files/etc/ssh/ssh_host_ed25519_key.pub"
echo "$name" >"$files/files/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$files/files/etc/hosts"
cp "$(resolv_conf)" "$files/files/etc/resolv.conf"
printf 'address=%s\ngateway=%s\n' "$address" "$gateway" >"$files/network"
cp "$image/initrd" "$folder/initrd"
(cd "$files" && find . | cpio -o -H newc --quiet) >>"$folder/initrd"

disk=$folder/disk.qcow2
[ -e "$disk" ] || qemu-img create -q -f qcow2 -F raw -b "$folder/root/disk.ext4" "$disk"
# It returns when the machine has begun to boot; a fault in its options is reported before that. TERM: a log without colours.
nsenter --net="/run/netns/$netns" "$@" -daemonize -name "guest=$netns" -pidfile "$folder/pid" \
    -nodefaults -display none \
    -kernel "$image/kernel" -initrd "$folder/initrd" \
    -append "root=/dev/vda rw console=$console TERM=dumb net.ifnames=0 mitigations=off" \
    -drive "file=$disk,format=qcow2,if=virtio,cache=unsafe" -device virtio-rng-pci \
    -netdev tap,id=net,ifname=vm0,script=no,downscript=no -device "virtio-net-pci,netdev=net,mac=$mac" \
    -serial "file:$folder/console.log" -rtc "base=$clock"
