# shellcheck shell=dash
# sandbox_network_down BRIDGE: undo sandbox_network.
set -eu
bridge=$1

ip link delete "$bridge" 2>/dev/null || :
nft delete table ip chrony_sandbox 2>/dev/null || :
rm -f "/run/$bridge.time"
for setting in net/ipv4/ip_forward fs/inotify/max_user_instances; do
    before=/run/$bridge.${setting##*/}
    if [ -e "$before" ]; then
        cat "$before" >"/proc/sys/$setting"
        rm "$before"
    fi
done
