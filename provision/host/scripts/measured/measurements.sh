#!/bin/sh
# shellcheck shell=dash
# Managed by chrony-provision: a change made here is replaced by the next deployment.
# Keep the measurements of chronyd for the daemon that follows one that was killed. For the account of chronyd.
#
#   measurements save       save those of the running daemon
#   measurements restore    give them to the next daemon, if the last one failed
#
# chronyd takes what it loads for current, whatever has happened to the clock since. So the file "clocks" beside the saved
# measurements has two numbers, in hundredths of a second: the time since the boot at which they were saved, and by how much the
# clock is ahead of that time. Only a step of the clock changes the latter: the kernel adjusts the frequency of both alike.
set -eu
umask 077
LC_ALL=C
export LC_ALL
chronyc=/opt/chrony/current/build/bin/chronyc
# The folder of chronyd; a boot empties it.
run=/run/chrony
saved=$run/saved
# In hundredths of a second. The timer saves every 64 s.
oldest=15000
# Both clocks are read in the same hundredth, so two differences without a step between them differ by less than this.
most_moved=2

# Print the time since the boot. The unit hides /proc/uptime, so it is the start of this process, for which $() makes a new one
# (field 22 of /proc/PID/stat, proc(5)).
since_boot() {
    local line
    read -r line </proc/self/stat
    # The second field is the name of the program in parentheses, in which there may be blanks.
    # shellcheck disable=SC2086 # words
    set -- ${line##*) }
    echo "${20}"
}

# Print the two numbers of the file "clocks".
read_clocks() {
    local before clock after tries
    tries=0
    while [ "$tries" -lt 100 ]; do
        tries=$((tries + 1))
        before=$(since_boot)
        clock=$(date +%s%N)
        after=$(since_boot)
        # A date that knows no nanoseconds, such as that of BusyBox: nothing is saved.
        case $clock in "" | *[!0-9]*) return 1 ;; esac
        if [ "$before" = "$after" ]; then
            echo "$after $((clock / 10000000 - after))"
            return
        fi
    done
    return 1
}

ask() { # WORDS...
    timeout -s KILL 5 "$chronyc" -h "$run/chronyd.sock" -c -n "$@" 2>/dev/null
}

# Succeed if the clock is synchronised, and chronyd is not about to correct it by a millisecond or more: the next daemon would not
# know of that correction.
is_settled() { # ANSWER TO tracking
    echo "$1" | awk -F, '{ exit !(NF == 14 && $14 != "Not synchronised" && $5 < 0.001 && $5 > -0.001) }'
}

save() {
    local tracking
    # Without an answer, as while the daemon is replaced, those that are saved stay: they are not taken when they are too old.
    tracking=$(ask tracking) || return 0
    rm -rf "$saved.new"
    if ! is_settled "$tracking"; then
        # With what an interrupted save has left: chronyd would load it, however old.
        rm -rf "$saved" "$run"/*.dat
        return
    fi
    # The clocks are read first: if the clock is stepped meanwhile, the measurements are not taken. There are none where chronyd
    # serves its own time (local).
    if mkdir "$saved.new" && read_clocks >"$saved.new/clocks" && ask dump >/dev/null &&
        mv "$run"/*.dat "$saved.new" 2>/dev/null; then
        # Not in the folder from which chronyd loads them.
        rm -rf "$saved"
        mv -T "$saved.new" "$saved"
    else
        rm -rf "$saved.new" "$saved"
    fi
}

# Succeed if the saved measurements are young and the clock was not stepped since.
are_valid() {
    local at ahead now ahead_now moved
    read -r at ahead <"$saved/clocks" || return 1
    now=$(read_clocks) || return 1
    ahead_now=${now#* } now=${now% *}
    moved=$((ahead_now - ahead))
    [ "$now" -ge "$at" ] && [ "$((now - at))" -le "$oldest" ] && [ "${moved#-}" -le "$most_moved" ]
}

restore() {
    [ -e "$saved/clocks" ] || return 0
    # What else lies there is not of this clock either.
    if are_valid; then cp "$saved"/*.dat "$run"; else rm -rf "$saved" "$run"/*.dat; fi
}

case ${1-} in
    save) save ;;
    # A daemon that ended by itself has saved its own (systemd.exec(5), SERVICE_RESULT).
    restore) [ "${SERVICE_RESULT-}" = success ] || restore ;;
    *)
        sed -n 's/^#   //p' "$0" >&2
        exit 2
        ;;
esac
