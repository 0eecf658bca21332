# shellcheck shell=dash
# needs: can_setpriv
# Send NTP requests to a chronyd like its clients. All files are in the working folder, which is private.
# No key material is printed: of keys only ids.
#
# Each request is sent by a separate process, chronyd(8) -Q, which affects neither the clock nor the daemon. Its log of raw
# measurements (chrony.conf(5), log rawmeasurements) has a line for each answer; test 5 in that line says whether the MAC was
# valid, even if the server's clock is not synchronised, so that a client would not use it.
#
# A missing answer proves something only if other requests are answered: a rate limit of the server or of a firewall drops
# requests that arrive at once. An unanswered request is therefore repeated alone, with a plain request after it.

requests=0 # numbered from 1; the files of request N: asked/N.name, asked/N.job, asked/N.said, asked/N/measurements.log
running=   # the numbers of the requests in progress

# Send one request. $1: the address and the request's name, $2: file of keys, $3: options of the source, $4: authselectmode.
# Reads: asked_port asker unprivileged
# Sets: requests running
ask() {
    requests=$((requests + 1))
    echo "$1" >"asked/$requests.name"
    # A client without privileges cannot give the folder of logs to the account of -u, and then does not create it (util.c).
    mkdir -m 0777 "asked/$requests"
    # exec: the id of the job is that of chronyd. -u root: do not change the account.
    # shellcheck disable=SC2086 # words
    (exec $unprivileged "$asker/sbin/chronyd" -U -u root -Q -t 5 \
        "server ${1%% *} port $asked_port iburst maxsamples 1 $3" "keyfile $2" "authselectmode $4" \
        'port 0' 'cmdport 0' 'bindcmdaddress /' "logdir asked/$requests" 'log rawmeasurements') \
        >"asked/$requests.said" 2>&1 &
    echo $! >"asked/$requests.job"
    running="$running $requests"
}

# Send the request with a name: "plain", "key ID", "other-secret ID" or "unknown id". $1: the address, $2: the name.
# Reads: unknown
ask_as() {
    case $2 in
        plain) ask "$1 $2" /dev/null "" ignore ;;
        key\ *) ask "$1 $2" "secrets/own-${2#key }" "$2" require ;;
        other-secret\ *) ask "$1 $2" "secrets/${2#other-secret }" "key ${2#other-secret }" require ;;
        *) ask "$1 $2" "secrets/$unknown" "key $unknown" require ;;
    esac
}

# Succeed if the host has an address. Only loopback addresses are checked.
has_address() { # ADDRESS
    case $1 in
        127.0.0.1) [ ! -r /proc/net/fib_trie ] || grep -q ' 127\.0\.0\.1$' /proc/net/fib_trie ;;
        ::1) grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null ;;
    esac
}

# Print the prefix for a command that runs it as an account, in the same folder. $1: the number of the account, or "".
words_for() {
    [ -n "$1" ] || return 0
    if can_setpriv; then
        echo "setpriv --reuid=$1 --regid=$1 --clear-groups --no-new-privs"
    else
        echo "chroot --skip-chdir --userspec=+$1:+$1 --groups= /"
    fi
}

# Start all requests. $1: the build whose chronyd sends them, $2: the daemon's file of keys, $3: its addresses: the first one
# that this host has gets all requests, the others those with one key, $4: its port, $5: the number of an
# unprivileged account for the clients, or "" if this script has no privileges itself, $6: the largest number of keys to try.
# Sets: asked_addresses asked_port asker ids sample unknown unprivileged
ask_all() {
    local keys address key tried
    asker=$1 keys=$2 asked_port=$4
    unprivileged=$(words_for "$5")
    asked_addresses=
    for address in $3; do
        ! has_address "$address" || asked_addresses="$asked_addresses $address"
    done
    mkdir asked secrets
    # The account of the clients needs to pass through this folder; no other account may enter those in it.
    chmod 0711 .
    chmod 0700 asked secrets
    ids=$(awk '/^[0-9]/ { print $1 ":" (NF > 2 ? $2 : "MD5") }' "$keys")
    unknown=4294967295
    while echo "$ids" | grep -q "^$unknown:"; do unknown=$((unknown - 1)); done
    # There are two clients for each key, all at once. Of many keys, take the first, the last and some evenly between them.
    sample=$(echo "$ids" | awk -v most="$6" '
        { key[NR] = $0 }
        END {
            if (NR < most) most = NR
            for (i = 0; i < most; i++) print key[1 + (most > 1 ? int(i * (NR - 1) / (most - 1)) : 0)]
        }')
    # Generate other secrets for known ids, and a key with an unknown id.
    for key in $sample "$unknown:AES128"; do
        # -h: otherwise chronyc would create a socket beside the daemon's, although keygen does not need it.
        # shellcheck disable=SC2086 # words
        (umask 077 && $unprivileged "$asker/bin/chronyc" -h 127.0.0.1 keygen "${key%%:*}" "${key#*:}" \
            >"secrets/${key%%:*}" 2>/dev/null)
    done
    # A file with a single key for each client, because loading 100,000 keys takes a tenth of a second.
    (umask 077 && echo "$sample" | awk -F '[: \t]' '
        NR == FNR { wanted[$1] = 1; next }
        $1 in wanted { print >("secrets/own-" $1) }' - "$keys")
    [ -z "$5" ] || chown -R "$5:$5" asked secrets
    tried=$sample
    for address in $asked_addresses; do
        # Requests that must be answered come first, in case only some get through.
        for key in $tried; do ask_as "$address" "key ${key%%:*}"; done
        ask_as "$address" plain
        for key in $tried; do ask_as "$address" "other-secret ${key%%:*}"; done
        ask_as "$address" "unknown id"
        tried=${sample%%
*}
    done
}

has_answer() {
    [ -s "asked/$1/measurements.log" ]
}

# Succeed if the client of a request runs. A process that has ended, but was not waited for, has no executable.
asks_still() { # NUMBER
    local job
    read -r job <"asked/$1.job"
    [ -e "/proc/$job/exe" ]
}

# Succeed if a request has to be answered.
must_answer() { # NUMBER
    local name
    read -r name <"asked/$1.name"
    case $name in *" plain" | *" key "*) ;; *) return 1 ;; esac
}

# Wait for the answers to requests. $1: their numbers, $2: once there was an answer, the twentieths of a second without
# another one after which the wait ends.
await_answers() {
    local left quiet any waiting number
    left=$1 quiet=0 any=
    while :; do
        waiting=
        for number in $left; do
            if ! has_answer "$number" && asks_still "$number"; then waiting="$waiting $number"; else any=1 quiet=0; fi
        done
        left=$waiting
        [ -n "$left" ] || return 0
        [ -z "$any" ] || [ "$quiet" -lt "$2" ] || return 0
        quiet=$((quiet + 1))
        sleep 0.05
    done
}

# End clients. $1: the folder with a file NAME.job for each of them, then their names. KILL, for a chronyd that has just started
# may miss a TERM.
end_clients() {
    local folder one job
    folder=$1
    shift
    for one; do
        read -r job <"$folder/$one.job" || continue
        kill -KILL "$job" 2>/dev/null
        wait "$job" 2>/dev/null
    done
}

# End the clients of all requests.
# Sets: running
end_asking() {
    # shellcheck disable=SC2086 # words
    end_clients asked $running
    running=
}

# Print the host's uptime in so many seconds, as whole seconds. Its clock may be stepped; a number of tries would be no limit,
# for each takes a second on a slow host.
uptime_in() { # SECONDS
    local now
    read -r now _ </proc/uptime
    echo $((${now%.*} + $1))
}

# Repeat a command until it succeeds, or until the host has some uptime.
await_until() { # UPTIME COMMAND...
    local end now
    end=$1
    shift
    until "$@"; do
        read -r now _ </proc/uptime
        [ "${now%.*}" -lt "$end" ] || return 0
        sleep 0.05
    done
}

# Succeed if a client has sent its request, or has ended.
has_asked() { # PROCESS ID
    # shellcheck disable=SC2010
    [ ! -e "/proc/$1/exe" ] || ls -l "/proc/$1/fd" 2>/dev/null | grep -q 'socket:'
}

# Wait until the requests that must not be answered were sent, at most two seconds: chronyd opens a socket to send.
# Reads: running
await_sent() {
    local end number job
    end=$(uptime_in 2)
    for number in $running; do
        ! must_answer "$number" || continue
        read -r job <"asked/$number.job"
        await_until "$end" has_asked "$job"
    done
    # Time for the last answers: all others have arrived.
    sleep 0.1
}

# Send one request alone, and succeed if it is answered within a second. $1: the address, $2: the name.
# Reads: pause requests
ask_alone() {
    local tries
    sleep "$pause"
    ask_as "$1" "$2"
    tries=20
    while ! has_answer "$requests" && asks_still "$requests" && [ "$tries" -gt 0 ]; do
        tries=$((tries - 1))
        sleep 0.05
    done
    end_asking
    has_answer "$requests"
}

# Repeat a request that was not answered: alone, and after each failure followed by a plain request, which shows whether
# requests get through. Print "answered", "invalid", "silent", or after some seconds "limited" if a rate limit hides the
# result.
# $1: the address, $2: the name, $3: the number of failures beside an answered plain request that count as silence.
# Reads: requests verdict
# Sets: blocked pause
ask_again() {
    local times
    times=0
    while [ "$blocked" -lt 2 ] && [ "$times" -lt "$3" ] && ! is_lossy "$1"; do
        # The same pause as before the plain request, so that a rate limit treats both alike.
        [ "$times" -eq 0 ] || sleep 1
        if ask_alone "$1" "$2"; then
            read_verdicts
            set_verdict "$requests"
            echo "$verdict"
            return
        fi
        # Count failed plain requests: one that is answered only at the third try, by luck, proves nothing.
        if ask_alone "$1" plain; then
            times=$((times + 1))
        else
            blocked=$((blocked + 1))
            pause=2
        fi
    done
    if [ "$times" -eq "$3" ]; then echo silent; else echo limited; fi
}

# Set "verdicts" to a word for each request that was answered: "N:answered" or "N:invalid".
# Sets: verdicts
read_verdicts() {
    local file
    set -- asked/*.said
    for file in asked/*/measurements.log; do
        [ ! -s "$file" ] || set -- "$@" "$file"
    done
    verdicts=$(awk '
        /System clock wrong by/ { good[FILENAME] = 1 }
        # date, time, address, leap, stratum, tests 1 to 3, tests 5 to 7
        FILENAME ~ /log$/ && $1 ~ /^[0-9]+-/ {
            seen[FILENAME] = 1
            if ($6 == "111" && substr($7, 1, 1) == "1") good[FILENAME] = 1
        }
        function number(file) { split(file, part, /[\/.]/); return part[2] }
        END {
            for (file in good) print number(file) ":answered"
            for (file in seen) if (!(file in good)) print number(file) ":invalid"
        }' "$@")
    # shellcheck disable=SC2086,SC2116
    verdicts=" $(echo $verdicts) "
}

# Set "verdict" to "answered", "invalid" or "none". $1: the number of a request.
# Reads: verdicts
set_verdict() {
    case $verdicts in
        *" $1:answered "*) verdict=answered ;;
        *" $1:invalid "*) verdict=invalid ;;
        *) verdict=none ;;
    esac
}

# Print the outcome of a request and its client's last line. $1: the number of the request, $2: the outcome.
show_request() {
    local name
    read -r name <"asked/$1.name"
    echo "==> ask $name"
    echo "$2"
    [ "$2" != silent ] || return 0
    # Only a client with a usable answer prints this line; otherwise, its last line has the reason.
    grep 'System clock wrong by' "asked/$1.said" || grep -v ' chronyd exiting$' "asked/$1.said" | tail -n 1
}

# Print the outcomes of the requests to one address. $1: the address, $2: the numbers of its first requests.
# Reads: chronyc requests verdict
# Sets: before blocked first more outcome pause reached
show_address() {
    local good bad silent number
    pause=0.2 blocked=0 good='' bad='' silent='' reached=1
    for number in $2; do
        set_verdict "$number"
        if ! must_answer "$number"; then
            silent="$silent $number"
        elif [ "$verdict" = none ]; then
            bad="$bad $number"
        else
            good="$good $number"
        fi
    done
    [ -z "$bad" ] || { before=$(count_served "$1") && first=$requests; }
    [ -n "$good" ] || ask_alone "$1" plain || { pause=1 && ask_alone "$1" plain; } || reached=
    more=3
    for number in $good $bad; do
        set_verdict "$number"
        outcome=$verdict
        [ "$outcome" != none ] || find_out "$1" "$number" 2
        show_request "$number" "$outcome"
    done
    more=2
    for number in $silent; do
        set_verdict "$number"
        outcome=answered
        if [ "$verdict" = none ]; then
            outcome=silent
            [ -n "$reached" ] && [ -z "$bad" ] || find_out "$1" "$number" 1
        fi
        show_request "$number" "$outcome"
    done
    if [ -n "$bad" ]; then
        echo "==> served $1"
        echo "sent $((requests - first))"
        echo "$before"
        count_served "$1"
        [ -z "${chronyc:-}" ] || ask_chronyc 5 "$chronyc" accheck "$1"
    fi
}

# Succeed if chronyd has dropped requests meanwhile, or received fewer than were sent. $1: the address.
# Reads: before first requests
is_lossy() {
    # shellcheck disable=SC2046,SC2086 # three words each
    set -- $before $(count_served "$1")
    [ $# -eq 6 ] && [ "$1" = "$4" ] && { [ "$6" -gt "$3" ] || [ "$(($5 - $2))" -lt "$((requests - first))" ]; }
}

# Print chronyd's counters of received and dropped requests: those of one address or, if there are too many clients, of all.
# $1: the address. A rehearsal has no "chronyc" with access to them.
# Reads: chronyc
count_served() {
    local served
    [ -n "${chronyc:-}" ] || return 0
    # With a time limit, for a server may have very many clients.
    served=$(ask_chronyc 2 "$chronyc" -c -n clients 2>/dev/null | awk -F, -v address="$1" '$1 == address { print "client", $2, $3 }')
    [ -n "$served" ] || served=$(ask_chronyc 5 "$chronyc" -c serverstats 2>/dev/null | awk -F, 'NF > 7 { print "all", $1, $2 }')
    echo "${served:-unknown}"
}

# Set the outcome of a request that was not answered. $1: the address, $2: its number, $3: see ask_again. Only "more"
# requests are repeated, to limit the time.
# Reads: reached
# Sets: more outcome
find_out() {
    local name
    outcome=limited
    if [ -z "$reached" ]; then
        outcome=unanswered
    elif [ "$more" -gt 0 ]; then
        more=$((more - 1))
        read -r name <"asked/$2.name"
        # Not in a subshell, which could not change the counters.
        ask_again "$1" "${name#* }" "$3" >asked/found
        read -r outcome <asked/found
    fi
}

# Wait for all requests, repeat those with a doubtful result, print the outcomes, and end all clients.
# Reads: asked_addresses ids running sample
show_answers() {
    local all expected number address numbers name
    all=$running expected=''
    for number in $all; do
        ! must_answer "$number" || expected="$expected $number"
    done
    await_answers "$expected" 20
    await_sent
    end_asking
    read_verdicts
    echo "==> keys"
    echo "asked=$(echo "$sample" | grep -c :)"
    echo "all=$(echo "$ids" | grep -c :)"
    echo "addresses=${asked_addresses# }"
    for address in $asked_addresses; do
        numbers=
        for number in $all; do
            read -r name <"asked/$number.name"
            case $name in "$address "*) numbers="$numbers $number" ;; esac
        done
        show_address "$address" "$numbers"
    done
}
