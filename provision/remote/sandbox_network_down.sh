# shellcheck shell=sh
# sandbox_network_down BRIDGE: take away what sandbox_network made.
set -eu
bridge=$1

ip link delete "$bridge" 2>/dev/null || :
nft delete table ip chrony_sandbox 2>/dev/null || :
for setting in net/ipv4/ip_forward fs/inotify/max_user_instances; do
    before=/run/$bridge.${setting##*/}
    if [ -e "$before" ]; then
        cat "$before" >"/proc/sys/$setting"
        rm "$before"
    fi
done
