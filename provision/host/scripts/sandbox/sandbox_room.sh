# shellcheck shell=dash
# needs: join_bridge resolv_conf
# sandbox_room BASE FOLDER NETNS LINK MAC ADDRESS BRIDGE GATEWAY: create an overlay on a base image, and a network namespace
# on the bridge.
set -eu
base=$1 folder=$2 netns=$3 link=$4 mac=$5 address=$6 bridge=$7 gateway=$8

mkdir -p "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"

join_bridge "$netns" "$link" "$mac" "$bridge"
ip -n "$netns" address add "$address" dev host0
ip -n "$netns" link set host0 up
ip -n "$netns" route add default via "$gateway"

cp --remove-destination "$(resolv_conf)" "$folder/root/etc/resolv.conf"
