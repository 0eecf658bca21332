# shellcheck shell=dash
# needs: can_setpriv
# Print whether the files, devices and interfaces that a chrony.conf names exist, and whether chronyd's account may use them.
# $1: the account, which need not exist yet; then pairs of kind and name. For each pair, a line "STATE KIND NAME", where the
# state is there, missing or denied.
set -u
account=$1
shift

# Run a test as the account with all its groups, as systemd starts chronyd.
may() { # TEST...
    local groups
    # Before the account exists, its permissions are unknown.
    id -u "$account" >/dev/null 2>&1 || return 0
    if can_setpriv; then
        setpriv --reuid="$(id -u "$account")" --regid="$(id -g "$account")" --init-groups -- "$@"
    else
        groups=$(id -G "$account" | tr ' ' ,)
        chroot --userspec="$account" --groups="$groups" / "$@"
    fi
}

# Set the state of a file or device.
# Sets: state
usable() { # OPTION OF test(1)...
    local option
    [ -e "$name" ] || { state=missing; return; }
    for option; do may test "$option" "$name" || { state=denied; return; }; done
}

# Not in /sys, which in a container may show the network of the machine around it.
has_interface() {
    awk -F: -v name="$name" '{ gsub(/ /, "", $1) } $1 == name { found = 1 } END { exit !found }' /proc/net/dev
}

# An IPv4 address, or an IPv6 address as 32 hex digits; those that stand for all addresses are always there.
has_address() {
    case $name in
        0.0.0.0 | 00000000000000000000000000000000) ;;
        *.*) grep -q " $name\$" /proc/net/fib_trie ;;
        *) grep -q "^$name " /proc/net/if_inet6 ;;
    esac
}

# proc_sysvipc_shm(5): key, id, permissions in octal, …, owner in the 8th field. refclock_shm.c: the keys begin at "NTP0".
# Sets: state
segment() {
    awk -v key=$((1314148400 + name)) -v uid="$(id -u "$account" 2>/dev/null)" '
        $1 == key && $8 != uid && $3 !~ /[67]$/ { denied = 1 }
        END { exit denied }' /proc/sysvipc/shm 2>/dev/null || state=denied
}

while [ $# -gt 0 ]; do
    kind=$1 name=$2 state=there
    shift 2
    case $kind in
        address) has_address 2>/dev/null || state=missing ;;
        interface) [ "$name" = "*" ] || has_interface || state=missing ;;
        device) usable -r -w ;;
        clock)
            case $name in
                /*) usable -r ;;
                *) has_interface || state=missing ;;
            esac
            ;;
        file) usable -r ;;
        memory) segment ;;
    esac
    echo "$state $kind $name"
done
