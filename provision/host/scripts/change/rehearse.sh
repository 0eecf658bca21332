# shellcheck shell=dash
# needs: query_chronyd query_nts
# Run a new chronyd on a private port beside the running one, and print its answers and its log. To be run without
# privileges, in an empty private folder, where all files are created; all processes end with the script.
# $1: the folder of chrony.conf, chrony.keys and "build", $2: the host's own addresses that the rules of chrony.conf allow, or
# "", $3: the level of the system call filter, chronyd(8) -F. For a server with NTS also $4: the folder that stands for the
# credentials of its service, or "", $5: the address at which it is asked, $6: its name, $7: its authority, $8: another name, $9:
# another authority, and "any-dates" if the clock of this host is wrong, so that it cannot judge the dates of certificates.
set -u
umask 077
folder=$1 addresses=$2 level=$3 credentials=${4-}
build=$folder/build
daemon=
trap 'end_asking; end_nts; end_daemon' EXIT
trap 'exit 1' HUP INT PIPE TERM

# Directives of chrony.conf(5) that are left out. Ports and files of the running daemon:
left_out="port acquisitionport ptpport ptpdomain ntsport ntsprocesses cmdport bindcmdaddress user pidfile keyfile"
left_out="$left_out driftfile dumpdir ntsdumpdir ntscachedir logdir log"
# Access to the command port, which only this script uses, and rate limits, for this script sends many requests at once.
left_out="$left_out cmdallow cmddeny cmdratelimit opencommands ratelimit ntsratelimit"
# Devices and sockets that only one process can use, or that need privileges; a refclock's socket would be taken away.
left_out="$left_out refclock rtcfile rtcdevice rtcautotrim hwtimestamp hwtstimeout tempcomp ntpsigndsocket"
left_out="$left_out sched_priority lock_all binddevice bindacqdevice bindcmddevice"
# Everything that sends packets to other hosts or waits for a name server. Of the sources, only the ids of their keys stay.
left_out="$left_out server pool peer sourcedir initstepslew broadcast bindacqaddress mailonchange"

# A build that is rehearsed without a generation has no certificate.
[ -n "$credentials" ] || [ -e "$folder/nts.key" ] || left_out="$left_out ntsservercert ntsserverkey"

is_free() {
    ! grep -qi ":$(printf %04X "$1") " /proc/net/udp /proc/net/udp6 /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# Set "port" and "command_port" to two free ports below the ephemeral ones.
# Sets: command_port port
choose_port() {
    local tries
    tries=100
    while [ "$tries" -gt 0 ]; do
        port=$((10000 + $(od -An -N2 -tu2 /dev/urandom) % 20000))
        command_port=$((port + 1))
        is_free "$port" && is_free "$command_port" && return
        tries=$((tries - 1))
    done
    echo "no two adjacent ports are free for a rehearsal" >&2
    exit 1
}

# Adapt a chrony.conf. chronyd warns of a missing or short key only for a source with an address; it never sends requests to
# an offline one.
# Reads: command_port credentials folder port
adapt() {
    awk -v left_out=" $left_out " -v folder="$folder/" -v credentials="$credentials/" '
        { gsub("/opt/chrony/current/", folder); gsub("/run/credentials/chronyd.service/", credentials) }
        tolower($1) ~ /^(server|pool|peer)$/ {
            for (i = 3; i < NF; i++)
                if (tolower($i) == "key" && !seen[$(i + 1)]++)
                    print "server 127.1." int(++n / 250) "." n % 250 + 1 " key " $(i + 1) " offline"
        }
        !index(left_out, " " tolower($1) " ")'
    # "local" makes it answer at once, without sources. No helper processes for NTS, which would have to be ended separately.
    echo "port $port
        keyfile $folder/chrony.keys
        local stratum 10
        ntsport $port
        ntsprocesses 0
        cmdport $command_port
        bindcmdaddress 127.0.0.1
        bindcmdaddress ::1
        bindcmdaddress /
        pidfile chronyd.pid"
}

# Succeed if the daemon runs. A process that has ended, but was not waited for, has no executable.
# Reads: daemon
runs() {
    [ -e "/proc/$daemon/exe" ]
}

# Wait up to five seconds for an answer. By then, its initialisation is over: the filter is on, and the keys are loaded.
# Reads: command_port
answers() {
    local tries
    tries=50
    until "$build/bin/chronyc" -n -h 127.0.0.1,::1 -p "$command_port" tracking >/dev/null 2>&1; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ] || ! runs; then return 1; fi
        sleep 0.1
    done
}

# Sets: daemon
show_end() {
    local status
    if runs; then
        echo "running"
        return
    fi
    wait "$daemon"
    status=$?
    daemon=
    if [ "$status" -gt 128 ]; then echo "killed by SIG$(kill -l "$status")"; else echo "ended with status $status"; fi
}

# Sets: daemon
end_daemon() {
    [ -n "$daemon" ] || return 0
    kill -KILL "$daemon" 2>/dev/null
    wait "$daemon" 2>/dev/null
    daemon=
}

echo "==> scope"
if [ -z "$addresses" ]; then
    echo "left out: no address of this host is known to be allowed by the access rules"
    left_out="$left_out allow deny bindaddress"
    addresses="127.0.0.1 ::1"
    added="allow 127.0.0.1
        allow ::1
        ${5:+allow $5}"
fi
choose_port
# chronyd(8), -p: print the configuration with all included files.
"$build/sbin/chronyd" -p -f "$folder/chrony.conf" >given || exit 1
{ adapt <given; echo "${added:-}"; } >chrony.conf

# -u: no change of the account, for it has no root privileges to drop. -t: it ends by itself even if this script is killed.
"$build/sbin/chronyd" -d -x -U -u root -t 180 -F "$level" -f chrony.conf >log 2>&1 &
daemon=$!
if answers; then
    ask_all "$build" "$folder/chrony.keys" "$addresses" "$port" "" 50
    [ $# -lt 9 ] || ask_nts "$build" "$5" "$port" "$port" "$6" "$7" "$8" "$9" "" "${10-}"
    show_answers
    show_nts
fi
echo "==> daemon"
show_end
end_daemon
echo "==> log"
cat log
echo "==> finished"
