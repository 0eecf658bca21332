# shellcheck shell=sh
# Print what the running chronyd is and does. No key material: of the keys, only their ids and types.
# $1: our folder on the host, $2: the address at which to ask the daemon, or "", $3: seconds to wait for the clock to be
# synchronised, $4: the address whose access is in question, or "", $5: the script that asks a build about itself.
set -u
LC_ALL=C
export LC_ALL
root=$1 address=$2 patience=$3 client=$4 ask_build=$5
[ -e "$root/current" ] || { echo "nothing is deployed here yet (there is no $root/current)" >&2; exit 1; }
build=$root/current/build
chronyc=$build/bin/chronyc
pid=$(systemctl show -p MainPID chronyd.service)
pid=${pid#MainPID=}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

# A clock counts when its frequency is known, too (skew, ppm, as in chronyc waitsync): until then the error that it
# announces grows by a second in each second, and clients turn away.
settled() {
    "$chronyc" -c -n tracking 2>/dev/null | awk -F, '{ exit !($14 != "Not synchronised" && $10 <= 1000) }'
}

# chronyd as its own client, chronyd(8) -Q: it says how wrong the clock is when it could synchronise, and touches neither
# clock nor daemon. With a key, only an answer with a valid MAC counts (chrony.conf(5), authselectmode require).
ask() {
    name=$1 keys=$2 source=$3 mode=$4
    # exec: the id of the job is that of chronyd.
    (exec "$build/sbin/chronyd" -U -Q -t 5 "server $address iburst maxsamples 1 $source" "keyfile $keys" \
        "authselectmode $mode" 'port 0' 'cmdport 0' 'bindcmdaddress /') >"$folder/$name.log" 2>&1 &
}

ask_all() {
    ids=$(awk '/^[0-9]/ { print $1 ":" (NF > 2 ? $2 : "MD5") }' "$root/current/chrony.keys")
    unknown=4294967295
    while echo "$ids" | grep -q "^$unknown:"; do unknown=$((unknown - 1)); done
    # Those that must stay silent ask first: another secret under a right id, made and thrown away here, and an unknown id.
    for key in $ids "$unknown:AES128"; do
        id=${key%%:*}
        (umask 077 && "$chronyc" keygen "$id" "${key#*:}" >"$folder/$id.keys")
        name="other-secret $id"
        [ "$id" = "$unknown" ] && name="unknown id"
        ask "$name" "$folder/$id.keys" "key $id" require
        silent="$silent $!"
    done
    for key in $ids; do
        ask "key ${key%%:*}" "$root/current/chrony.keys" "key ${key%%:*}" require
        answered="$answered $!"
    done
    ask plain /dev/null "" ignore
    answered="$answered $!"
}

show_process() {
    echo "==> process"
    echo "pid=$pid"
    echo "current=$(basename "$(readlink "$root/current")")"
    echo "build=$(readlink -f "$build")"
    [ -d "/proc/$pid/fd" ] || return
    echo "executable=$(readlink "/proc/$pid/exe")"
    echo "generation=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^CHRONY_GENERATION=//p')"
    echo "user=$(stat -c %U "/proc/$pid")"
    echo "seccomp=$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$pid/status")"
    echo "arguments=$(tr '\0' ' ' <"/proc/$pid/cmdline")"
}

# Sockets that wait for anybody: those without a remote address.
show_ports() {
    echo "==> ports"
    # shellcheck disable=SC2012
    inodes=" $(ls -l "/proc/$pid/fd" 2>/dev/null | sed -n 's/.* socket:\[\([0-9]*\)\]$/\1/p' | tr '\n' ' ')"
    for protocol in udp udp6 tcp tcp6; do
        [ -r "/proc/$pid/net/$protocol" ] || continue
        awk -v protocol="$protocol" -v inodes="$inodes" '
            NR > 1 && $3 ~ /:0000$/ {
                owner = index(inodes, " " $10 " ") ? "chronyd" : "other"
                print protocol, $2, owner
            }' "/proc/$pid/net/$protocol"
    done
}

show_answers() {
    # shellcheck disable=SC2086
    wait $answered
    # Each of the others has asked by now, or is given the time to: chronyd opens a socket when it sends.
    for job in $silent; do
        tries=20
        # shellcheck disable=SC2010
        until ls -l "/proc/$job/fd" 2>/dev/null | grep -q 'socket:' || [ "$tries" -eq 0 ]; do
            tries=$((tries - 1))
            sleep 0.05
        done
    done
    # What was not answered by now, while all others were, is not going to be. KILL: a chronyd that just started may
    # miss a TERM.
    sleep 0.1
    # shellcheck disable=SC2086
    kill -KILL $silent 2>/dev/null
    # shellcheck disable=SC2086
    wait $silent 2>/dev/null
    for log in "$folder"/*.log; do
        name=${log##*/}
        echo "==> ask ${name%.log}"
        # Only a synchronised client prints this line; the last line tells what happened instead.
        grep 'System clock wrong by' "$log" || tail -n 1 "$log"
    done
}

tries=$((patience * 5))
while [ -d "/proc/$pid/fd" ] && [ "$tries" -gt 0 ] && ! settled; do
    tries=$((tries - 1))
    sleep 0.2
done
silent=
answered=
# They take a fifth of a second each, all at once; meanwhile we look around.
[ -z "$address" ] || ask_all
show_process
show_ports
for command in tracking sources serverstats; do
    echo "==> $command"
    "$chronyc" -c -n "$command" 2>&1
done
if [ -n "$client" ]; then
    echo "==> accheck"
    "$chronyc" accheck "$client" 2>&1
fi
for file in receipt.json configure.log; do
    echo "==> $file"
    cat "$build/$file" 2>/dev/null
done
sh -c "$ask_build"
[ -z "$address" ] || show_answers
echo "==> finished"
