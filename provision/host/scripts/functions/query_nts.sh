# shellcheck shell=dash
# needs: query_chronyd
# Ask a chronyd with NTS like its clients: key exchange over TLS, then an authenticated NTP request. All files are in the working
# folder, which is private.
#
# Each client is a separate process, chronyd(8) -Q, which affects neither the clock nor the daemon. The right one trusts the
# server's authority and knows its name; the others have another authority or another name, and have to refuse it.

# Replace this shell by a command that sees a file in place of /etc/hosts, so that names lead to the daemon. Where the host does
# not allow such a mount, the command sees /etc/hosts itself.
with_hosts() { # FILE COMMAND...
    local file
    file=$1
    shift
    if unshare -m true 2>/dev/null; then
        # shellcheck disable=SC2016 # a script for another shell
        exec unshare -m sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$file" "$@"
    fi
    exec "$@"
}

# Start the clients. $1: the build whose chronyd they are, $2: the daemon's address, $3: its NTP port, $4: its port for the key
# exchange, $5: its name, $6: its authority, in PEM, $7: another name, $8: another authority, $9: the number of an unprivileged
# account for the clients, or "" if this script has no privileges itself, $10: a word if they accept certificates of any dates.
# Sets: nts_address nts_client nts_dates nts_jobs
ask_nts() {
    nts_address=$2
    mkdir nts
    chmod 0711 . nts
    nts_jobs=
    { cat /etc/hosts 2>/dev/null; } >nts/known
    { echo "$2 $5 $7"; cat nts/known; } >nts/hosts
    printf '%s\n' "$6" >nts/authority
    printf '%s\n' "$8" >nts/other
    chmod 0644 nts/hosts nts/authority nts/other
    nts_client=$(words_for "$9")
    # 1: until the clock was set, which such a client never does (chrony.conf(5)).
    nts_dates=${10:+nocerttimecheck 1}
    start_nts right "$5" authority "$1" "$3" "$4"
    start_nts other-authority "$5" other "$1" "$3" "$4"
    start_nts other-name "$7" authority "$1" "$3" "$4"
}

# Start one client. $1: its name, $2: the name of the server, $3: the file of the authority, $4: the build, $5: the NTP port, $6:
# the port for the key exchange.
# Reads: nts_client nts_dates
# Sets: nts_jobs
start_nts() {
    echo "$2" >"nts/$1.server"
    # A client without privileges cannot give the folder of logs to the account of -u.
    mkdir -m 0777 "nts/$1"
    # shellcheck disable=SC2086 # words
    (with_hosts "$PWD/nts/hosts" $nts_client "$4/sbin/chronyd" -U -u root -Q -t 5 \
        "server $2 nts ntsport $6 port $5 iburst minpoll -2 maxsamples 1" "ntstrustedcerts nts/$3" nosystemcert ${nts_dates:+"$nts_dates"} \
        'port 0' 'cmdport 0' 'bindcmdaddress /' "logdir nts/$1" 'log rawmeasurements') >"nts/$1.said" 2>&1 &
    echo $! >"nts/$1.job"
    nts_jobs="$nts_jobs $1"
}

# Succeed if the outcome of a client is known: it has an answer, or its key exchange failed, or it has ended.
has_nts_outcome() { # NAME
    local job
    [ ! -s "nts/$1/measurements.log" ] || return 0
    ! grep -qE 'failed|Could not|refused' "nts/$1.said" || return 0
    read -r job <"nts/$1.job"
    [ ! -e "/proc/$job/exe" ]
}

# Succeed if a name leads to an address, and to no other one: a client would ask another machine. $1: the address. Standard
# input: the answer of "getent ahosts".
is_address() {
    awk -v address="$1" '$1 == address { found = 1; next } { other = 1 } END { exit !(found && !other) }'
}

# Wait for the clients, at most six seconds, and print their outcomes: "answered" with valid
# authentication, "invalid", "unresolved" if the server's name does not lead to it, or "refused", and the last line of each.
# Reads: nts_address nts_jobs
show_nts() {
    local one end server
    [ -n "${nts_jobs:-}" ] || return 0
    end=$(uptime_in 6)
    for one in $nts_jobs; do await_until "$end" has_nts_outcome "$one"; done
    # An answer may come just before the line of the log.
    sleep 0.1
    end_nts
    for one in right other-authority other-name; do
        echo "==> nts $one"
        read -r server <"nts/$one.server"
        # date, time, address, leap, stratum, tests 1 to 3, tests 5 to 7: the fifth is that of the authentication.
        if [ -s "nts/$one/measurements.log" ]; then
            awk '$1 ~ /^[0-9]+-/ { valid = $6 == "111" && substr($7, 1, 1) == "1" } END { print valid ? "answered" : "invalid" }' \
                "nts/$one/measurements.log"
        elif ! (with_hosts "$PWD/nts/hosts" getent ahosts "$server") 2>/dev/null | is_address "$nts_address"; then
            echo unresolved
        else
            echo refused
        fi
        grep -E 'System clock wrong by|failed|Could not' "nts/$one.said" | tail -n 1 | cut -c 1-300
    done
}

# End all clients.
# Sets: nts_jobs
end_nts() {
    # shellcheck disable=SC2086 # words
    end_clients nts ${nts_jobs:-}
    nts_jobs=
}
