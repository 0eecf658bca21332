# shellcheck shell=sh
# sandbox_stop FOLDER NETNS LINK [PID]: end what runs in a room and take its mount and network away; its overlay stays.
# PID is the nspawn that shuts the host down in order; without one, each process is asked to end.
set -eu
root=$1/root netns=$2 link=$3 nspawn=${4-}

running() {
    [ ! -e "/run/netns/$netns" ] || ip netns pids "$netns"
    # A process that ended and awaits its parent has no exe.
    [ ! -e "/proc/${nspawn:-none}/exe" ] || echo "$nspawn"
}

signal() { # SIGNAL PID…; one may have ended by itself meanwhile
    [ $# -eq 1 ] || kill -s "$@" 2>/dev/null || :
}

await_end() { # TENTHS of a second
    tenths=$1
    while [ -n "$(running)" ] && [ "$tenths" -gt 0 ]; do
        sleep 0.1
        tenths=$((tenths - 1))
    done
}

# shellcheck disable=SC2046,SC2086 # one word for each process
signal TERM ${nspawn:-$(running)}
await_end 150
# shellcheck disable=SC2046 # the same
signal KILL $(running)
await_end 50

if mountpoint -q "$root"; then
    umount "$root"
fi
if [ -e "/run/netns/$netns" ]; then
    ip netns delete "$netns"
fi
# It would follow its namespace, but later.
ip link delete "$link" 2>/dev/null || :
