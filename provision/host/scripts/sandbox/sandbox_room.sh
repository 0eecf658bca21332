# shellcheck shell=dash
# sandbox_room BASE FOLDER NETNS LINK MAC ADDRESS BRIDGE GATEWAY: create an overlay on a base image, and a network namespace
# on the bridge.
set -eu
base=$1 folder=$2 netns=$3 link=$4 mac=$5 address=$6 bridge=$7 gateway=$8

mkdir -p "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"

ip netns add "$netns"
ip link add "$link" type veth peer name host0 address "$mac" netns "$netns"
ip link set "$link" master "$bridge" up
ip -n "$netns" link set lo up
ip -n "$netns" address add "$address" dev host0
ip -n "$netns" link set host0 up
ip -n "$netns" route add default via "$gateway"

# The stub of systemd-resolved listens only on this machine's loopback interface; another file has its upstream servers.
resolv=/run/systemd/resolve/resolv.conf
[ -e $resolv ] || resolv=/etc/resolv.conf
cp --remove-destination "$resolv" "$folder/root/etc/resolv.conf"
