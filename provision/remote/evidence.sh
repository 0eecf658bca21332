# shellcheck shell=sh
# Print what the running chronyd is and does. No key material: of the keys, only their ids. Stands behind asking.sh.
# $1: our folder on the host, $2: the address at which to ask the daemon, or "", $3: seconds to wait for the clock to be
# synchronised, $4: the address whose access is in question, or "", $5: the script that asks a build about itself,
# $6: the script that asks the local firewall, or "".
set -u
LC_ALL=C
export LC_ALL
root=$1 address=$2 patience=$3 client=$4 ask_build=$5 ask_firewall=$6
[ -e "$root/current" ] || { echo "nothing is deployed here yet (there is no $root/current)" >&2; exit 1; }
build=$root/current/build
chronyc=$build/bin/chronyc
pid=$(systemctl show -p MainPID chronyd.service)
pid=${pid#MainPID=}
# Not in /tmp, which may be full.
folder=$(mktemp -d /run/chrony-evidence.XXXXXX) && cd "$folder" || exit 1
trap 'end_asking; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT PIPE TERM

# A clock counts when its frequency is known, too (skew, ppm, as in chronyc waitsync): until then the error that it
# announces grows by a second in each second, and clients turn away.
settled() {
    "$chronyc" -c -n tracking 2>/dev/null | awk -F, '{ exit !($14 != "Not synchronised" && $10 <= 1000) }'
}

# chronyc(1): authdata says what was configured, ntpdata what came back; its 28th field is "Authenticated".
authenticated() {
    { "$chronyc" -c -n authdata; "$chronyc" -c -n ntpdata; } 2>/dev/null | awk -F, '
        NF == 10 { if ($2 == "SK") asked[$1] = 1; next }
        $28 == "Yes" { delete asked[$1] }
        END { for (address in asked) exit 1 }'
}

show_process() {
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

# Sockets that wait for anybody: those without a remote address. Of "-> socket:[123]" the number is the inode.
show_ports() {
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

tries=$((patience * 5))
while [ -d "/proc/$pid/fd" ] && [ "$tries" -gt 0 ] && ! settled; do
    tries=$((tries - 1))
    sleep 0.2
done
# The clock follows the first source that answers; those that are asked with a key are to be seen answering, too.
[ "$tries" -lt 25 ] || tries=25
while [ -d "/proc/$pid/fd" ] && [ "$tries" -gt 0 ] && ! authenticated; do
    tries=$((tries - 1))
    sleep 0.2
done
# They take a fifth of a second each, all at once; meanwhile we look around.
[ -z "$address" ] || ask_all "$build" "$root/current/chrony.keys" "$address" 123 ""
show_process
show_ports
for command in tracking sources authdata ntpdata; do
    echo "==> $command"
    "$chronyc" -c -n "$command" 2>&1
done
for what in tracking answered; do
    echo "==> $what before the switch"
    [ ! -e "$root/unconfirmed" ] || sed -n "s/^$what=//p" "$root/unconfirmed"
done
if [ -n "$client" ]; then
    echo "==> accheck"
    "$chronyc" accheck "$client" 2>&1
fi
echo "==> configure.log"
cat "$build/configure.log" 2>/dev/null
(eval "$ask_build")
echo "==> firewall"
[ -z "$ask_firewall" ] || (eval "$ask_firewall")
[ -z "$address" ] || show_answers
echo "==> finished"
