# shellcheck shell=sh
# Functions that ask a chronyd for time as its clients do; they keep their files in the working folder, which is private.
# No key material is printed: of the keys, only their ids.

silent=
answered=

# chronyd as its own client, chronyd(8) -Q: it says how wrong the clock is when it could synchronise, and touches neither
# clock nor daemon. With a key, only an answer with a valid MAC counts (chrony.conf(5), authselectmode require).
ask() {
    name=$1 key_file=$2 source=$3 mode=$4
    # exec: the id of the job is that of chronyd.
    (exec "$asker/sbin/chronyd" -U ${asker_user:+-u "$asker_user"} -Q -t 5 \
        "server $asked_address port $asked_port iburst maxsamples 1 $source" "keyfile $key_file" \
        "authselectmode $mode" 'port 0' 'cmdport 0' 'bindcmdaddress /') >"asked/$name" 2>&1 &
}

# Begin to ask. $1: the build that asks, $2: the daemon's keys, $3: its address, $4: its port, $5: the account that a
# client without privileges names in place of the build's own, which may not be there, or "".
ask_all() {
    asker=$1 keys=$2 asked_address=$3 asked_port=$4 asker_user=$5
    mkdir asked secrets
    ids=$(awk '/^[0-9]/ { print $1 ":" (NF > 2 ? $2 : "MD5") }' "$keys")
    unknown=4294967295
    while echo "$ids" | grep -q "^$unknown:"; do unknown=$((unknown - 1)); done
    # Two clients for each key, all at once: of more than fifty, the first, the last and others evenly between them.
    sample=$(echo "$ids" | awk -v most=50 '
        { key[NR] = $0 }
        END {
            if (NR < most) most = NR
            for (i = 0; i < most; i++) print key[1 + (most > 1 ? int(i * (NR - 1) / (most - 1)) : 0)]
        }')
    # Those that must stay silent ask first: another secret under a right id, made and thrown away here, and an unknown id.
    for key in $sample "$unknown:AES128"; do
        id=${key%%:*}
        # -h: or chronyc would make itself a socket beside that of the daemon, although keygen talks to none.
        (umask 077 && "$asker/bin/chronyc" -h 127.0.0.1 keygen "$id" "${key#*:}" >"secrets/$id" 2>/dev/null)
        name="other-secret $id"
        [ "$id" = "$unknown" ] && name="unknown id"
        ask "$name" "secrets/$id" "key $id" require
        silent="$silent $!"
    done
    # A file with its one key for each client: all of 100,000 would keep each busy for a tenth of a second.
    (umask 077 && echo "$sample" | awk -F '[: \t]' '
        NR == FNR { wanted[$1] = 1; next }
        $1 in wanted { print >("secrets/own-" $1) }' - "$keys")
    for key in $sample; do
        ask "key ${key%%:*}" "secrets/own-${key%%:*}" "key ${key%%:*}" require
        answered="$answered $!"
    done
    ask plain /dev/null "" ignore
    answered="$answered $!"
}

# Print the last words of each.
show_answers() {
    # shellcheck disable=SC2086
    wait $answered
    # Each of the others has asked by now, or is given the time to: chronyd opens a socket when it sends.
    tries=20
    for job in $silent; do
        # shellcheck disable=SC2010
        until ls -l "/proc/$job/fd" 2>/dev/null | grep -q 'socket:' || [ "$tries" -eq 0 ]; do
            tries=$((tries - 1))
            sleep 0.05
        done
    done
    # What was not answered by now, while all others were, is not going to be.
    sleep 0.1
    end_asking
    echo "==> keys"
    echo "asked=$(echo "$sample" | grep -c :)"
    echo "all=$(echo "$ids" | grep -c :)"
    for said in asked/*; do
        echo "==> ask ${said#*/}"
        # Only a synchronised client prints this line; the last words of another tell what happened instead.
        grep 'System clock wrong by' "$said" || grep -v ' chronyd exiting$' "$said" | tail -n 1
    done
}

# KILL: a chronyd that just started may miss a TERM.
end_asking() {
    [ -n "$answered$silent" ] || return 0
    # shellcheck disable=SC2086
    kill -KILL $answered $silent 2>/dev/null
    # shellcheck disable=SC2086
    wait $answered $silent 2>/dev/null
    answered=
    silent=
}
