# shellcheck shell=dash
# The commands of this script, and the lock that lets only one run at a time.

# Print the commands and the generations, and end.
usage() {
    sed -n 's/^#   //p' "$root/switch" >&2 2>/dev/null || true
    # shellcheck disable=SC2012 # for people
    echo "generations:" "$(ls "$root/generations" 2>/dev/null | tr '\n' ' ')" >&2
    exit 2
}

# Print the generation that starts at boot.
current_generation() {
    local name
    name=$(readlink "$root/current" || true)
    echo "${name##*/}"
}

# Run a generation; if it does not come up, go back to the previous one.
# Reads: return_message
# Sets: task
switch() { # GENERATION [SECONDS]
    local previous fallback tracking answered words
    previous=$(current_generation)
    [ "$1" != "$previous" ] || task=restart
    # An unconfirmed generation is neither a fallback nor the state of the clock to compare with.
    fallback=$(unconfirmed_value fallback)
    fallback=${fallback:-${previous:-before}}
    if [ -e "$root/unconfirmed" ]; then
        tracking=$(unconfirmed_value tracking) answered=$(unconfirmed_value answered)
    else
        tracking=$(clock_state) answered=${CHRONY_PROVISION_ANSWERED-}
    fi
    record_previous_services
    # No timer for the fallback itself: there is no better generation to go back to.
    if [ -n "$2" ] && [ "$1" != "$fallback" ]; then
        arm "$1" "$fallback" "$tracking" "$answered" "$2" || { disarm; return 1; }
    else
        disarm
    fi
    if activate "$1"; then
        record_history "$1" active "$previous"
        [ ! -e "$root/unconfirmed" ] ||
            echo "restarts=$(unit_property NRestarts chronyd.service)" >>"$root/unconfirmed" || true
        return
    fi
    words=$(reason_of_end)
    record_history "$1" failed "$previous"
    task=back
    if go_back "$fallback" "$1"; then
        disarm
        echo "chronyd of generation $1 did not come up; $return_message: $words" >&2
    else
        echo "chronyd of generation $1 did not come up, nor did the previous time service: $words" >&2
    fi
    return 1
}

# Succeed if the fallback kept time. If it did not, going back would be no improvement.
fallback_kept_time() {
    if [ "$(unconfirmed_value fallback)" = before ]; then
        had_previous_service
    else
        # A line with commas is an answer of chronyd. The kernel alone may report a clock as synchronised that no daemon
        # disciplines any more.
        unconfirmed_value tracking | grep -q ,
    fi
}

# Print a sentence with the generation that runs.
describe_running() {
    local name
    name=$(running_generation)
    if [ -n "$name" ]; then echo "generation $name runs"; else echo "no generation runs"; fi
}

# Succeed if a generation waits to be confirmed; otherwise, print the reason.
require_unconfirmed() { # GENERATION
    # After a power cut, "unconfirmed" may name a generation that never became current.
    if [ -z "$(unconfirmed_value generation)" ] || [ "$1" != "$(current_generation)" ]; then
        echo "$1 does not wait to be confirmed: $(describe_running) (the time was over, or another switch was made)" >&2
        return 1
    fi
}

# Restart the timer of an unconfirmed switch, whose remaining time may be too short for another proof.
restart_timer() { # GENERATION SECONDS
    require_unconfirmed "$1" || return 1
    # All values as recorded, for "unconfirmed" may be about another generation.
    arm "$(unconfirmed_value generation)" "$(unconfirmed_value fallback)" "$(unconfirmed_value tracking)" \
        "$(unconfirmed_value answered)" "$2" "$(unconfirmed_value restarts)"
}

# Keep a generation: remove the timer that goes back from it. If its daemon has ended meanwhile, go back now.
# Reads: return_message
confirm() { # GENERATION
    local words
    require_unconfirmed "$1" || return 1
    if fallback_kept_time && ! keeps_running; then
        if is_shutting_down; then
            echo "$1 was not confirmed: the host is shutting down" >&2
            return 1
        fi
        words=$(reason_of_end)
        if roll_back "$1" >&2; then
            echo "chronyd of generation $1 did not stay up; $return_message: $words" >&2
        else
            echo "chronyd of generation $1 did not stay up, nor did the previous time service start: $words" >&2
        fi
        return 1
    fi
    disarm
    record_history "$1" confirmed
    # The confirmation must survive a power cut.
    write_to_disk
}

# Go back from the unconfirmed generation, as the timer does.
# Reads: return_message
# Sets: task
roll_back() { # [GENERATION]
    local generation ended
    generation=$(unconfirmed_value generation)
    # Read the reason first: after going back, the new process writes to the same journal.
    ended=$(describe_end "${1:-$generation}")
    if [ -z "$generation" ]; then
        disarm
        # The timer fired during a confirmation, or was stopped after it had gone back.
        if [ -n "$1" ]; then echo "$(describe_running)$ended"; return 0; fi
        echo "nothing waits to be confirmed; name a generation: $root/switch GENERATION" >&2
        return 1
    fi
    # Another switch has been made meanwhile.
    if [ -n "$1" ] && [ "$1" != "$generation" ]; then describe_running; return 0; fi
    task=back
    record_history_once 2 "$generation" not-confirmed
    go_back "$(unconfirmed_value fallback)" "$generation" || return 1
    # Last: as long as the file "unconfirmed" exists, the service and a reboot try again.
    disarm
    echo "$return_message$ended"
}

# Restore the time service from before the first deployment.
# Reads: return_message
go_back_to_previous_service() {
    local name
    # If this is cut off, the timer makes the host try again by itself.
    name=$(current_generation)
    arm "${name:-none}" before "" "" 60 || true
    go_back before "$name" || return 1
    disarm
    echo "$return_message"
}

# Let one switch run at a time, for the timer may fire during another one. Every user who can open a file, even only for
# reading, can hold its lock of flock(2), so the lock is in a folder that only root can enter.
take_lock() { # --back, or another word
    local fd pid
    (umask 077 && mkdir -p "$root/locks" && : >>"$root/locks/switch")
    exec 9>>"$root/locks/switch"
    flock -w "$patience" 9 && return
    if [ "$1" != --back ]; then
        echo "another switch has been running for more than $patience s: see pgrep -af 'switch '" >&2
        exit 75
    fi
    # A process that takes so long hangs. All its actions can be repeated or undone.
    for fd in /proc/[0-9]*/fd/9; do
        pid=${fd#/proc/}
        pid=${pid%%/*}
        if [ "$fd" -ef "$root/locks/switch" ] && [ "$pid" != "$$" ]; then
            echo "process $pid has held the lock for more than $patience s, and is killed" >&2
            kill -s KILL "$pid" || true
        fi
    done
    flock -w 10 9
}

# Clean up at the end. systemd starts the failed service of the timer again soon; after a daemon that did not come up, wait
# for about a minute first.
# Reads: start_failed
clean_up() {
    local status=$?
    # Incomplete files, as after a full disk.
    rm -rf "$root/current.new" "$root/unconfirmed.new" "$root/before.new" "$unit.new" "$undo".*.new || true
    if [ "$status" -ne 0 ] && [ -n "$start_failed" ] && is_timer; then
        exec 9>&-
        trap - INT TERM
        sleep 55
    fi
    exit "$status"
}

case ${1-} in
    --stop-conflicts | --back | --before) ;;
    --confirm) [ -n "${2-}" ] || usage ;;
    --wait)
        [ -n "${2-}" ] || usage
        case ${3-} in "" | *[!0-9]*) usage ;; esac
        ;;
    "" | -* | */* | .*) usage ;;
    *)
        [ -e "$root/generations/$1/chronyd.service" ] || usage
        case ${2-} in *[!0-9]*) usage ;; esac
        ;;
esac
mkdir -p "$root"
start_failed=
return_message=
# One word for the history: the task of the control machine; "restart", for the generation that is current already; "back".
task=${CHRONY_PROVISION_TASK:--}
case $task in *[!a-z]*) task=- ;; esac
take_lock "$1"
# An impatient Ctrl-C must not stop a switch half-way either; nothing here takes long.
trap '' HUP INT PIPE TERM
trap clean_up EXIT
case $1 in
    --stop-conflicts)
        record_previous_services
        prevent_conflicts
        stop_conflicts
        # The service of a chrony package removes /run/chrony when it stops; a start of ours creates it again.
        [ ! -e "$root/current" ] || [ -d /run/chrony ] || systemctl try-restart chronyd.service
        ;;
    --wait) restart_timer "$2" "$3" ;;
    --confirm) confirm "$2" ;;
    --back) roll_back "${2-}" ;;
    --before) go_back_to_previous_service ;;
    *) switch "$1" "${2-}" ;;
esac
