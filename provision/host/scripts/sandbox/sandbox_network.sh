# shellcheck shell=dash
# sandbox_network BRIDGE GATEWAY NETWORK: create a bridge for the sandboxes, and masquerading. Prints warnings for the
# operator.
set -eu
bridge=$1 gateway=$2 network=$3

# Raise a kernel setting, and save its value until the network is removed.
allow() { # SETTING VALUE
    local before
    before=/run/$bridge.${1##*/}
    [ -e "$before" ] || cat "/proc/sys/$1" >"$before"
    [ "$(cat "/proc/sys/$1")" -ge "$2" ] || echo "$2" >"/proc/sys/$1"
}

if ip link show "$bridge" >/dev/null 2>&1; then
    exit 0
fi
allow net/ipv4/ip_forward 1
# inotify(7): a booted sandbox uses up to ten of root's instances, and the default is 128.
allow fs/inotify/max_user_instances 1024
# "add, delete, add" replaces a table that an interrupted run has left.
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
