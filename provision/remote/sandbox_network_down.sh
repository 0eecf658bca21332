# shellcheck shell=sh
# sandbox_network_down BRIDGE: take away what sandbox_network made.
set -eu
bridge=$1
before=/run/$bridge.ip_forward

ip link delete "$bridge" 2>/dev/null || :
nft delete table ip chrony_sandbox 2>/dev/null || :
if [ -e "$before" ]; then
    cat "$before" >/proc/sys/net/ipv4/ip_forward
    rm "$before"
fi
