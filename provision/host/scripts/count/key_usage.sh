#!/bin/sh
# shellcheck shell=dash
# Managed by chrony-provision: a change made here is replaced by the next deployment.
# Count in the kernel, by key id, the answers of chronyd with a MAC, and keep the counts over a boot. For root.
#
#   key-usage load      begin to count, from the counts that are on disk
#   key-usage save      write the counts to disk; begin to count if the table is gone, as after "nft flush ruleset"
#   key-usage unload    write the counts to disk, and stop
#   key-usage print     print the counts
#   key-usage print-addresses    print a line "from ID ADDRESS" for each address that was answered in the last 30 days
#
# chronyd answers with a MAC only where that of the request was valid, so the key id in an answer proves the use of the key.
# The file on disk, in the format that "print" has, too, has a line "since SECONDS", when the counting began; a line
# "saved SECONDS", when it was written; and a line "ID ANSWERS SECONDS" for each key, with the time of its last answer.
# SECONDS count from 1970.
set -eu
umask 077
PATH=/usr/sbin:/sbin:/usr/bin:/bin
LC_ALL=C
export LC_ALL PATH
folder=/var/lib/chrony-provision
counts=$folder/key-usage
# A key that nobody has used for so many seconds, 400 days, is forgotten.
kept=34560000
# The timer saves once an hour. After a longer time nobody knows that a key was not used: counting was stopped, or the clock
# was set.
gap=7500

is_loaded() {
    nft list chain inet chrony_provision_usage replies >/dev/null 2>&1
}

# Print the number behind a word in the file on disk.
number_of() { # WORD
    sed -n "s/^$1 \([0-9]\{1,\}\)\$/\1/p" "$counts" 2>/dev/null || true
}

# Print the counts of the kernel. For each key, nft says in how many seconds the kernel will forget it, which is "kept" seconds
# after the last answer. This fails if it does not understand each element: a key that it left out would seem unused.
# $1: a file for the answer of nft.
print_counts() {
    local since saved now elements
    nft -j list set inet chrony_provision_usage seen >"$1" || return 1
    now=$(date +%s)
    since=$(number_of since) saved=$(number_of saved)
    # After a long time without a save, nobody knows whether keys were used, or which clock "since" is from: begin anew.
    if [ -z "$since" ] || [ $((now - ${saved:-0})) -gt $gap ]; then since=$now; fi
    # Until chronyd has set it, the clock of a host without a battery is behind: what is on disk is of the future, and stays.
    if [ "${saved:-0}" -lt "$now" ] || [ "$(seconds_up)" -gt $gap ]; then
        saved=$now
        if [ "$since" -gt "$now" ]; then since=$now; fi
    fi
    echo "since $since"
    echo "saved $saved"
    elements=$(grep -o '"elem": *{' "$1" | wc -l)
    # One line for each element, whose fields have the same order in every version of nft.
    sed 's/{"elem": {"val"/\n&/g' "$1" |
        sed -n 's/^{"elem": {"val": \([0-9]*\),.*"expires": \([0-9]*\),.*"packets": \([0-9]*\),.*/\1 \3 \2/p' |
        awk -v now="$now" -v kept=$kept -v elements="$elements" '
            { printf "%s %s %.0f\n", $1, $2, now - (kept - $3) }
            END { exit NR != elements }'
}

seconds_up() {
    sed 's/[. ].*//' /proc/uptime
}

save() {
    print_counts "$counts.answer" >"$counts.new" || { rm -f "$counts.answer" "$counts.new"; return 1; }
    rm -f "$counts.answer"
    sync
    mv "$counts.new" "$counts"
}

# Print the table for nft. Offsets are in bits, from the UDP header of 64 bits on.
# Reads: address_rules address_sets
print_table() {
    cat <<END
table inet chrony_provision_usage
delete table inet chrony_provision_usage
table inet chrony_provision_usage {
    set seen {
        typeof @th,448,32
        size 131072
        flags dynamic,timeout
        counter
        timeout ${kept}s
        gc-interval 1h
    }
    $address_sets
    chain replies {
        # It accepts every packet, whatever a firewall does with it.
        type filter hook output priority -300; policy accept;
        # Mode 4 is an answer, and mode 2 one to a client that asks as a peer. What this host asks itself is no client; nor is a
        # proof of chrony-provision, whose requests have a transmit timestamp of their own, which the answer repeats.
        udp sport 123 oifname != "lo" @th,69,3 4 @th,256,32 != 0x63707276 jump mac
        udp sport 123 oifname != "lo" @th,69,3 2 jump mac
    }
    chain mac {
        # NTPv4 cuts digests to 20 bytes (RFC 7822). The length is that of UDP: 56 bytes, the key id, and the digest.
        @th,66,3 4 udp length { 76, 80 } update @seen { @th,448,32 } goto from
        # In earlier versions digests are whole: MD5 and CMAC, SHA1, SHA3-224, SHA256, SHA384, SHA512.
        @th,66,3 != 4 udp length { 76, 80, 88, 92, 108, 124 } update @seen { @th,448,32 } goto from
        # Behind one or two of chrony's experimental fields (extfield), 28 bytes each.
        @th,66,3 4 udp length { 104, 108 } @th,448,32 { 0xf323001c, 0xf324001c } update @seen { @th,672,32 } return
        @th,66,3 4 udp length { 132, 136 } @th,448,32 { 0xf323001c, 0xf324001c } @th,672,32 { 0xf323001c, 0xf324001c } \
            update @seen { @th,896,32 }
    }
    chain from {
        $address_rules
    }
}
END
}

# Let the table have the addresses of clients, in memory only and for 30 days; nft before 1.0 cannot read it.
# Sets: address_rules address_sets
with_addresses() {
    local options
    options='size 65536; flags dynamic,timeout; timeout 30d; gc-interval 1h;'
    address_sets="set from4 { typeof @th,448,32 . ip daddr; $options }
    set from6 { typeof @th,448,32 . ip6 daddr; $options }"
    address_rules='update @from4 { @th,448,32 . ip daddr }
        update @from6 { @th,448,32 . ip6 daddr }'
    if ! print_table | nft -c -f - 2>/dev/null; then address_sets='' address_rules=''; fi
}

# Print the addresses of clients. $1: a file for the answer of nft.
print_addresses() {
    local name
    for name in from4 from6; do
        nft -j list set inet chrony_provision_usage $name >"$1" || return 1
        sed 's/{"concat"/\n&/g' "$1" | sed -n 's/^{"concat": \[\([0-9]*\), "\([0-9a-f.:]*\)"\].*/from \1 \2/p'
    done
}

# Print the commands for nft that put back the counts on disk, except those of keys that would be forgotten by now.
print_elements() {
    [ -e "$counts" ] || return 0
    awk -v now="$(date +%s)" -v kept=$kept '
        !/^[0-9]+ [0-9]+ [0-9]+$/ { next }
        # The clock of a host without a battery may be behind until chronyd has set it.
        { age = now - $3; if (age < 0) age = 0 }
        age >= kept { next }
        {
            if (n % 500) printf ", "
            else printf "%s", (n ? " }\n" : "") "add element inet chrony_provision_usage seen { "
            n++
            printf "%s counter packets %s bytes 0 timeout %ds expires %.0fs", $1, $2, kept, kept - age
        }
        END { if (n) print " }" }' "$counts"
}

load() {
    ! is_loaded || save
    with_addresses
    { print_table && print_elements; } >"$counts.table"
    # One transaction: no answer goes by uncounted between the old table and the new one.
    nft -f "$counts.table" || { rm -f "$counts.table"; return 1; }
    rm -f "$counts.table"
    save
}

unload() {
    is_loaded || return 0
    save
    nft delete table inet chrony_provision_usage
}

command -v nft >/dev/null || { echo "key-usage: nft is not there: install nftables" >&2; exit 1; }
case ${1-} in
    load | save | unload)
        mkdir -p "$folder"
        # The timer and an administrator may come at the same time.
        exec 9>"$folder/lock"
        flock 9
        ;;
esac
case ${1-} in
    load) load ;;
    save) if is_loaded; then save; else load; fi ;;
    unload) unload ;;
    print | print-addresses)
        answer=$(mktemp)
        trap 'rm -f "$answer"' EXIT
        if [ "$1" = print ]; then print_counts "$answer"; else print_addresses "$answer"; fi
        ;;
    *)
        sed -n 's/^#   //p' "$0" >&2
        exit 2
        ;;
esac
