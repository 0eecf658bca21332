# shellcheck shell=sh
# Try a chronyd beside the one that runs, and print what it did. Stands behind asking.sh. To be run without privileges, in
# a private working folder that has nothing in it: what is made lies there, and what is started is ended with the script.
# $1: the folder of chrony.conf, chrony.keys and "build", $2: the address at which the rules of chrony.conf let the host
# ask itself, or "", $3: the level of the system call filter, chronyd(8) -F.
set -u
umask 077
folder=$1 address=$2 level=$3
build=$folder/build
daemon=
trap 'end_asking; end_daemon' EXIT
trap 'exit 1' HUP INT PIPE TERM

# What is left out of chrony.conf(5). The ports and files of the daemon that runs:
left_out="port acquisitionport ptpport ptpdomain ntsport ntsprocesses cmdport bindcmdaddress user pidfile keyfile"
left_out="$left_out driftfile dumpdir ntsdumpdir ntscachedir logdir log"
# Who may use the command port, which is ours alone here, and how often anybody may ask: we ask much at once.
left_out="$left_out cmdallow cmddeny cmdratelimit opencommands ratelimit ntsratelimit"
# Devices and sockets that only one can have, or that need privileges; a refclock's socket would be taken away.
left_out="$left_out refclock rtcfile rtcdevice rtcautotrim hwtimestamp hwtstimeout tempcomp ntpsigndsocket"
left_out="$left_out sched_priority lock_all binddevice bindacqdevice bindcmddevice"
# Whatever leaves this host, or waits for a name server. Of the sources, only the ids of their keys stay.
left_out="$left_out server pool peer sourcedir initstepslew broadcast bindacqaddress mailonchange"

is_free() {
    ! grep -qi ":$(printf %04X "$1") " /proc/net/udp /proc/net/udp6 /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# Below those that Linux gives out by itself.
choose_port() {
    tries=100
    while [ "$tries" -gt 0 ]; do
        port=$((10000 + $(od -An -N2 -tu2 /dev/urandom) % 20000))
        command_port=$((port + 1))
        is_free "$port" && is_free "$command_port" && return
        tries=$((tries - 1))
    done
    echo "no two ports in a row are free for a rehearsal" >&2
    exit 1
}

# chronyd says that a key is missing, or too short, to a source that has an address; one that is offline is never asked.
adapt() {
    awk -v left_out=" $left_out " '
        tolower($1) ~ /^(server|pool|peer)$/ {
            for (i = 3; i < NF; i++)
                if (tolower($i) == "key" && !seen[$(i + 1)]++)
                    print "server 127.1." int(++n / 250) "." n % 250 + 1 " key " $(i + 1) " offline"
        }
        !index(left_out, " " tolower($1) " ")'
    # It answers at once, without sources. NTS: in this one process, which has no children to be ended.
    echo "port $port
        keyfile $folder/chrony.keys
        local stratum 10
        ntsport $port
        ntsprocesses 0
        cmdport $command_port
        bindcmdaddress 127.0.0.1
        bindcmdaddress /
        pidfile chronyd.pid"
}

runs() { # a process that has ended, and was not waited for, has no executable
    [ -e "/proc/$daemon/exe" ]
}

# Its initialisation is over by then, the filter is on, and the keys are loaded: up to five seconds.
answers() {
    tries=50
    until "$build/bin/chronyc" -n -h 127.0.0.1 -p "$command_port" tracking >/dev/null 2>&1; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ] || ! runs; then return 1; fi
        sleep 0.1
    done
}

show_end() {
    if runs; then
        echo "running"
        return
    fi
    wait "$daemon"
    status=$?
    daemon=
    if [ "$status" -gt 128 ]; then echo "killed by SIG$(kill -l "$status")"; else echo "ended with status $status"; fi
}

end_daemon() {
    [ -n "$daemon" ] || return 0
    kill -KILL "$daemon" 2>/dev/null
    wait "$daemon" 2>/dev/null
    daemon=
}

echo "==> scope"
if [ -z "$address" ]; then
    echo "left out: this host has no address of its own that is known to be let in"
    left_out="$left_out allow deny bindaddress"
    address=127.0.0.1
    added="allow $address"
fi
choose_port
# chronyd(8), -p: print the configuration, with what it includes.
"$build/sbin/chronyd" -p -f "$folder/chrony.conf" >given || exit 1
{ adapt <given; echo "${added:-}"; } >chrony.conf

# -u: the account for which it would give up root, which it has not. -t: it ends by itself even if we are killed.
"$build/sbin/chronyd" -d -x -U -u root -t 60 -F "$level" -f chrony.conf >log 2>&1 &
daemon=$!
if answers; then
    ask_all "$build" "$folder/chrony.keys" "$address" "$port" root
    show_answers
fi
echo "==> daemon"
show_end
end_daemon
echo "==> log"
cat log
echo "==> finished"
