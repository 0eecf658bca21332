# shellcheck shell=dash
# needs: as_nobody ask_chronyc query_chronyd query_nts nts_files source_faults state
# Print the evidence about the running chronyd: process, sockets, sources, answers, log. No key material: of keys only ids.
# The caller assigns its variables (scripts.load_with):
: "${root?our folder on the host}"
: "${addresses?the addresses at which the host asks the daemon, or nothing}"
: "${most_keys?how many keys are tried at most: below 50 where chronyd limits how often one may ask}"
: "${patience?seconds to wait for the clock to be synchronised}"
: "${client?the address of the control machine, whose access is in question, or nothing}"
: "${ask_build?the script that asks a build about itself}"
: "${ask_firewall?the script that asks the local firewall, or nothing}"
: "${max_error?the largest error bound, in seconds, of a clock that counts as synchronised}"
: "${own_clock?yes if no source can give the time, so that the clock of the host itself counts as synchronised}"
: "${unproven?the generation that this is to prove, or nothing}"
: "${seconds?the time after which the host goes back from that generation by itself, counted anew, or nothing}"
: "${tells_state?yes if the state that the task status shows is told as well}"
: "${look_at_unit?the script that looks at the unit}"
: "${nts_name?a name of this server by its certificate, or nothing if it serves no NTS}"
: "${nts_address?the address at which the host asks it with NTS}"
: "${nts_port?its port for the key exchange}"
: "${nts_authority?the authority that a client has to trust, in PEM}"
: "${other_name?a name that no server has}"
: "${other_authority?an authority that nobody has, in PEM}"
: "${look_around?the script that looks for other time services and for missing folders}"
set -u
LC_ALL=C
export LC_ALL
[ -e "$root/current" ] || { echo "==> not deployed"; exit 0; }
build=$root/current/build
chronyc=$build/bin/chronyc
pid=$(systemctl show -p MainPID chronyd.service)
pid=${pid#MainPID=}
# Not in /tmp, which may be on a full disk.
folder=$(mktemp -d /run/chrony-evidence.XXXXXX) && cd "$folder" || exit 1
trap 'end_asking; end_nts; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT PIPE TERM

# Succeed if the clock is synchronised, its frequency is known and its error is small. With an unknown frequency (skew, ppm,
# as in chronyc waitsync), the announced error grows by a second each second, and clients reject the server. The error may be
# large while chronyd slews the clock. The error bound is that of chronyc(1), "tracking".
# A restarted chronyd selects a source by measurements of the previous process (-r). The selected source must have answered
# this process: the 33rd field of ntpdata is the number of its valid answers. A reference clock ("#") has no ntpdata; its name,
# which is the second field of tracking and the third one of sources, may have up to four commas.
settled() {
    local report
    for report in tracking sources ntpdata; do ask_chronyc 5 "$chronyc" -c -n "$report"; done 2>/dev/null |
        awk -F, -v most="$max_error" -v own_clock="$own_clock" '
        $1 ~ /^[\^=#]$/ { if ($2 == "*") { if ($1 == "#") own = 1; else selected = $3 }; next }
        NF >= 14 && NF <= 18 {
            n = NF - 14
            bound = ($(n + 5) < 0 ? -$(n + 5) : $(n + 5)) + $(n + 12) + $(n + 11) / 2
            good = $(n + 14) != "Not synchronised" && $(n + 10) <= 1000 && bound <= most
            own = own_clock == "yes" && $1 == "7F7F0101"
        }
        NF >= 33 { received[$1] = $33 }
        END { exit !(good && (own || received[selected] > 0)) }'
}

# Succeed if all sources with a key or NTS have sent an authenticated answer. chronyc(1): authdata has the configured mode, ntpdata
# the state of the last answer; its 28th field is "Authenticated".
authenticated() {
    { ask_chronyc 5 "$chronyc" -c -n authdata; ask_chronyc 5 "$chronyc" -c -n ntpdata; } 2>/dev/null | awk -F, '
        NF == 10 { if ($2 == "SK" || $2 == "NTS") asked[$1] = 1; next }
        $28 == "Yes" { delete asked[$1] }
        END { for (address in asked) exit 1 }'
}

show_process() {
    local current
    echo "==> process"
    echo "pid=$pid"
    current=$(readlink "$root/current")
    echo "current=${current##*/}"
    echo "build=$(cd "$build" && pwd -P)"
    [ -d "/proc/$pid/fd" ] || return
    echo "executable=$(readlink "/proc/$pid/exe")"
    echo "generation=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^CHRONY_GENERATION=//p')"
    echo "user=$(stat -c %U "/proc/$pid")"
    echo "seccomp=$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$pid/status")"
    echo "arguments=$(tr '\0' ' ' <"/proc/$pid/cmdline")"
}

# Print the listening sockets: those without a remote address. The number in "-> socket:[123]" is the inode.
show_ports() {
    local file
    echo "==> ports"
    set -- "/proc/$pid/net/udp" "/proc/$pid/net/udp6" "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6"
    for file; do
        shift
        [ ! -r "$file" ] || set -- "$@" "$file"
    done
    [ $# -gt 0 ] || return
    # shellcheck disable=SC2012
    ls -l "/proc/$pid/fd" 2>/dev/null | awk '
        open { if (sub(/^.* socket:\[/, "") && sub(/\]$/, "")) ours[$0] = 1; next }
        FNR > 1 && $3 ~ /:0000$/ {
            protocol = FILENAME
            sub(/.*\//, "", protocol)
            print protocol, $2, $10 in ours ? "chronyd" : "other"
        }' open=1 - open=0 "$@"
}

# Print the seconds since boot (proc(5)), which steps of the clock do not change.
uptime() {
    local since_boot
    read -r since_boot _ </proc/uptime
    echo "${since_boot%.*}"
}

wait_until() { # FUNCTION, END by uptime
    while [ "$(uptime)" -lt "$2" ] && [ -d "/proc/$pid/fd" ] && ! "$1"; do sleep 0.2; done
}

# Restart the timer of the unconfirmed switch before each part of the proof, so that a slow host does not go back. After a
# lost connection, it still does.
renew_way_back() {
    [ -z "$unproven" ] || "$root/switch" --wait "$unproven" "$seconds" || exit 1
}

renew_way_back
begun=$(uptime)
wait_until settled $((begun + patience))
# chronyd synchronises to the first source that answers; wait a few seconds longer for all sources with a key or
# NTS.
soon=$(($(uptime) + 5)) end=$((begun + patience))
[ "$soon" -gt "$end" ] || end=$soon
wait_until authenticated "$end"
[ $(($(uptime) - begun)) -lt 3 ] || renew_way_back
# Read the first lines of chronyd's log since this start, in which it warns about its configuration. systemd identifies a
# start by its "invocation" since version 232. A large journal takes long, so this runs in the background. The process ID is
# searched as well: journald takes the invocation from the control group, and in containers systemd sometimes could not put
# a process into the group of its unit ("Control group /system.slice/chronyd.service exists already").
invocation=$(systemctl show -p InvocationID chronyd.service)
set -- "_SYSTEMD_INVOCATION_ID=${invocation#InvocationID=}" +
[ "$1" != "_SYSTEMD_INVOCATION_ID=" ] || set --
timeout 5 journalctl -q -b -o cat --no-pager "$@" "_PID=$pid" _COMM=chronyd 2>/dev/null | head -n 200 | cut -c 1-300 >journal &
journal_reader=$!
# The requests take a fifth of a second each, all in parallel, and run in the background meanwhile.
[ -z "$addresses" ] || ask_all "$build" "$root/current/chrony.keys" "$addresses" 123 "$(free_id)" "$most_keys"
[ -z "$nts_name" ] ||
    ask_nts "$build" "$nts_address" 123 "$nts_port" "$nts_name" "$nts_authority" "$other_name" "$other_authority" "$(free_id)"
show_process
echo "==> unit"
(eval "$look_at_unit")
(eval "$look_around")
show_ports
show_sources "$chronyc" "$pid"
# A chrony.conf that cannot be read is the subject of another finding.
[ "$tells_state" != yes ] || show_state "$root" "$chronyc"
for what in tracking answered; do
    echo "==> $what before the switch"
    [ ! -e "$root/unconfirmed" ] || sed -n "s/^$what=//p" "$root/unconfirmed"
done
if [ -n "$client" ]; then
    echo "==> accheck"
    ask_chronyc 5 "$chronyc" accheck "$client" 2>&1
fi
echo "==> configure.log"
cat "$build/configure.log" 2>/dev/null
(eval "$ask_build")
echo "==> journal"
wait "$journal_reader"
cat journal
echo "==> firewall"
[ -z "$ask_firewall" ] || (eval "$ask_firewall")
if [ -n "$addresses" ]; then
    # Repeated requests to a server with a rate limit may take long.
    [ $(($(uptime) - begun)) -lt 3 ] || renew_way_back
    show_answers
fi
show_nts
show_nts_files "$root"
if [ "$most_keys" -lt 50 ] && [ -n "$client" ]; then
    # The server has a rate limit: print how many of the control machine's requests it has dropped.
    echo "==> served to us"
    count_served "$client"
fi
echo "==> finished"
