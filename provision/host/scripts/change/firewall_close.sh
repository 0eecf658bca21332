# shellcheck shell=dash
# needs: forget_record
# Remove the rules of the local firewall that we added, according to our record, and no others. $1: our folder on the host,
# $2: the comment of our rules.
set -eu
made=$1/made
mark=$2
PATH=$PATH:/usr/sbin:/sbin
has() { command -v "$1" >/dev/null 2>&1; }

close_zone() { # ZONE [PORT/PROTOCOL]
    if [ -n "${2:-}" ]; then
        if systemctl -q is-active firewalld; then
            firewall-cmd --permanent --zone="$1" --remove-port="$2"
            firewall-cmd --zone="$1" --remove-port="$2"
        else
            firewall-offline-cmd --zone="$1" --remove-port="$2"
        fi
    elif systemctl -q is-active firewalld; then
        firewall-cmd --permanent --zone="$1" --remove-service=ntp
        firewall-cmd --zone="$1" --remove-service=ntp
    else
        firewall-offline-cmd --zone="$1" --remove-service-from-zone=ntp
    fi
}

# All rules of ours in a chain, whichever port they open.
close_chain() { # FAMILY TABLE CHAIN [PORT/PROTOCOL]
    local handle
    set -- "$1" "$2" "$3"
    for handle in $(nft -a list chain "$@" 2>/dev/null | sed -n "s/.* comment \"$mark\" # handle \([0-9]*\)\$/\1/p"); do
        nft delete rule "$@" handle "$handle"
    done
}

close_input() { # TOOL [PORT/PROTOCOL]
    local what
    what=${2:-123/udp}
    while "$1" -w -D INPUT -p "${what#*/}" --dport "${what%/*}" -m comment --comment "$mark" -j ACCEPT 2>/dev/null; do :; done
}

[ -e "$made" ] || exit 0
sed -n 's/^firewall //p' "$made" | while read -r kind where; do
    # A firewall that was uninstalled has no rules any more. "where" has one word for each name.
    # shellcheck disable=SC2086
    case $kind in
        firewalld) ! has firewall-cmd || close_zone $where ;;
        ufw) ! has ufw || ufw delete allow "${where:-123/udp}" ;;
        nftables) ! has nft || close_chain $where ;;
        iptables | ip6tables) ! has "$kind" || close_input "$kind" $where ;;
    esac </dev/null
    forget "$made" "firewall $kind${where:+ $where}"
done
