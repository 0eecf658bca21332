# shellcheck shell=dash
# sandbox_stop FOLDER NETNS LINK [PID]: end the processes in a room and remove its mount and network; the overlay's content
# stays. PID is the nspawn, which shuts the sandbox down in order; without it, each process gets a signal.
set -eu
root=$1/root netns=$2 link=$3 nspawn=${4-}

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

if mountpoint -q "$root"; then
    umount "$root"
fi
if [ -e "/run/netns/$netns" ]; then
    ip netns delete "$netns"
fi
# The kernel removes the interface with its namespace, but later.
ip link delete "$link" 2>/dev/null || :
