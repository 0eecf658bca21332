# shellcheck shell=dash
# needs: can_setpriv
# Print whether a process, with its account and groups, may connect to a Unix socket: there, missing, denied, silent (no
# process of this network namespace listens) or unknown.
can_connect() { # PID SOCKET
    local uid gid groups path
    [ -S "$2" ] || { echo missing; return; }
    uid=$(awk '$1 == "Uid:" { print $3 }' "/proc/$1/status" 2>/dev/null) || uid=
    gid=$(awk '$1 == "Gid:" { print $3 }' "/proc/$1/status" 2>/dev/null) || gid=
    [ -n "$uid" ] && [ -n "$gid" ] || { echo unknown; return; }
    groups=$gid$(awk '$1 == "Groups:" { for (i = 2; i <= NF; i++) printf ",%s", $i }' "/proc/$1/status")
    # unix(7): who connects needs the right to write to the socket.
    if can_setpriv; then
        setpriv --reuid="$uid" --regid="$gid" --groups="$groups" -- test -w "$2" || { echo denied; return; }
    else
        chroot --userspec="+$uid:+$gid" --groups="$groups" / test -w "$2" || { echo denied; return; }
    fi
    # Of a listening socket, the flags are __SO_ACCEPTCON (proc_net(5)); its path may be written in another way.
    awk '$4 == "00010000" && $8 ~ /^\// { print $8 }' /proc/net/unix | {
        while read -r path; do
            if [ "$path" -ef "$2" ]; then echo there; return; fi
        done
        echo silent
    }
}
