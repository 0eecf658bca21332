# shellcheck shell=dash
# Create a network namespace, and in it the interface "host0", whose other end is at a bridge of this machine.
join_bridge() { # NETNS LINK MAC BRIDGE
    ip netns add "$1"
    ip link add "$2" type veth peer name host0 address "$3" netns "$1"
    ip link set "$2" master "$4" up
    ip -n "$1" link set lo up
}
