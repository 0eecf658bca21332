# shellcheck shell=dash
# needs: ask_chronyc
# Show the signs from which the faults of sources are named (provision/verify/source_faults).

# Print what chronyd says about its clock and its sources, and the signs of their faults. $1: chronyc, $2: the process ID of
# chronyd.
show_sources() {
    local command reports
    reports=$(for command in tracking sources authdata ntpdata; do
        echo "==> $command"
        ask_chronyc 10 "$1" -c -n "$command" 2>&1
    done)
    echo "$reports"
    echo "$reports" | show_source_faults "$1" "$2"
}

# Show what chronyd and this host say about the sources that give no time. Where all give it, only a count is asked for.
# Standard input: the answers of chronyc to "sources", "authdata" and "ntpdata". $1: chronyc, $2: the process ID of chronyd.
show_source_faults() {
    local targets count
    # Print ADDRESS PORT for each source to which a plain request is sent, and "none none" for a faulty source that needs none.
    # authdata: the fifth field is 0 where chronyd has no key, of NTS none yet, so that no request would tell more. ntpdata: the
    # third field is the port, the 28th "Authenticated". Addresses become words of a command: nothing else may.
    targets=$(awk -F, '
        # The name of a reference clock may have commas: the register of reachability is counted from the end.
        NF >= 10 && $1 ~ /^[\^=#]$/ {
            reach = $(NF - 4)
            if ($2 !~ /^[*+-]$/ || reach == 0) faulty[$3] = 1
            if (reach == 0) unanswered[$3] = 1
            next
        }
        NF == 10 && ($2 == "SK" || $2 == "NTS") { secured[$1] = 1; if ($5 == 0) keyless[$1] = 1 }
        NF >= 33 && $1 ~ /^[0-9a-fA-F.:]+$/ && $3 ~ /^[0-9]+$/ {
            port[$1] = $3
            if ($1 in secured && $28 != "Yes") faulty[$1] = unanswered[$1] = 1
        }
        END {
            for (one in faulty) {
                if (!(one in unanswered) || !(one in port) || one in keyless) print "none none"
                else if (count++ < 16) print one, port[one]
            }
        }')
    count=$(ask_chronyc 5 "$1" -c activity 2>&1)
    case $count in
        *,*,*,*,0) [ -n "$targets" ] || return 0 ;;
        *,*,*,*,*) ;;
        *) return 0 ;;
    esac
    echo "==> activity"
    echo "$count"
    # Sources without an address have an ID# instead; the names come in the same order.
    echo "==> every source"
    ask_chronyc 5 "$1" -c -n sources -a 2>&1
    echo "==> every name"
    ask_chronyc 5 "$1" -c -N sources -a 2>&1
    [ -n "$targets" ] || return 0
    echo "==> selectdata"
    ask_chronyc 5 "$1" -c -n selectdata 2>&1
    echo "==> source log"
    timeout 5 journalctl "_PID=$2" -n 1000 -o cat --no-pager 2>/dev/null |
        grep -E 'TLS (handshake|session)|NTS-KE|Could not connect|Received KoD|Source .* (on|off)line|time jump|Selected source' |
        # A jump of the clock explains nothing any more once a source was selected after it.
        awk '/Selected source/ { jump = ""; next } /time jump/ { jump = $0; next } { print } END { if (jump) print jump }' |
        tail -n 50 | cut -c 1-300
    echo "==> plain requests"
    # shellcheck disable=SC2086 # words
    send_plain_requests $targets
}

# Send each source one plain request, which has no key, all at once, and print its address with the answer in hexadecimal,
# with the error of the kernel, or with nothing if there is no answer within a second. Bash can send packets (/dev/udp); without it,
# nothing is printed.
send_plain_requests() { # ADDRESS PORT...
    command -v bash >/dev/null 2>&1 || return 0
    # shellcheck disable=SC2016 # a script for another shell
    BASH_ENV='' LC_ALL=C bash -c '
        send() {
            local said
            # The first byte of a request is 0x23 (RFC 5905: version 4, mode 3); 47 zeros follow.
            said=$({
                exec 3<>"/dev/udp/$1/$2" && printf "\43$(printf "\\\\0%.0s" {1..47})" >&3 &&
                    timeout 1 head -c 48 <&3 | od -An -v -tx1
            } 2>&1 | tr "\n" " ")
            printf "%s %s\n" "$1" "$said"
        }
        while [ $# -gt 1 ]; do
            [ "$1" = none ] || send "$1" "$2" &
            shift 2
        done
        wait' send_plain_requests "$@" </dev/null
}
