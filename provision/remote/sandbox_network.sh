# shellcheck shell=sh
# sandbox_network BRIDGE GATEWAY NETWORK: a bridge for the sandboxes, and their way out. Prints what the operator should know.
set -eu
bridge=$1 gateway=$2 network=$3

# SETTING VALUE: set one of the kernel's, and keep what it was for the day when the network goes.
allow() {
    before=/run/$bridge.${1##*/}
    [ -e "$before" ] || cat "/proc/sys/$1" >"$before"
    [ "$(cat "/proc/sys/$1")" -ge "$2" ] || echo "$2" >"/proc/sys/$1"
}

if ip link show "$bridge" >/dev/null 2>&1; then
    exit 0
fi
allow net/ipv4/ip_forward 1
# inotify(7): a booted host takes up to ten of root's, and Linux comes with 128.
allow fs/inotify/max_user_instances 1024
# "add, delete, make" replaces what an interrupted run left.
nft -f - 2>/dev/null <<END || echo "nftables cannot masquerade here: apt inside a sandbox has no network"
table ip chrony_sandbox
delete table ip chrony_sandbox
table ip chrony_sandbox {
    chain postrouting {
        type nat hook postrouting priority srcnat;
        ip saddr $network ip daddr != 198.18.0.0/15 masquerade
    }
}
END
ip link add "$bridge" type bridge
ip address add "$gateway/${network#*/}" dev "$bridge"
ip link set "$bridge" up
