# shellcheck shell=dash
# sandbox_stop FOLDER NETNS [PID]: end the processes in a room and remove its mount and network; the overlay's content stays.
# PID is the nspawn, which shuts the sandbox down in order; without it, each process gets a signal.
set -eu
root=$1/root netns=$2 nspawn=${3-}

running() {
    [ ! -e "/run/netns/$netns" ] || ip netns pids "$netns"
    # A process that has ended, but was not waited for, has no executable.
    [ ! -e "/proc/${nspawn:-none}/exe" ] || echo "$nspawn"
}

# Send a signal to processes, some of which may have ended already.
signal() { # SIGNAL PID…
    [ $# -eq 1 ] || kill -s "$@" 2>/dev/null || :
}

await_end() { # TENTHS of a second
    local tenths
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

if [ -e "/run/netns/$netns" ]; then
    # The kernel removes the interface with its namespace, but later. Its other end is at the bridge.
    ip -n "$netns" link delete host0 2>/dev/null || :
    ip netns delete "$netns"
fi
# This comes last, because the mount shows to which cache folder the namespace belongs.
if mountpoint -q "$root"; then
    umount "$root"
fi
