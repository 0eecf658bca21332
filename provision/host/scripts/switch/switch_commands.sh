# shellcheck shell=dash
# Switch to a generation; the commands of this script, and the lock that lets only one run at a time.

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
        echo "generation $1 runs"
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
    rm -rf "$root/current.new" "$root/unconfirmed.new" "$root/before.new" "$unit.new" "$socket.new" "$open_socket.new" "$undo".*.new || true
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
        if [ ! -e "$root/generations/$1/chronyd.service" ]; then
            echo "there is no generation $1" >&2
            usage
        fi
        case ${2-} in *[!0-9]*) usage ;; esac
        ;;
esac
mkdir -p "$root"
start_failed=
return_message=
# One word for the history: the task of the control machine ("prove": its confirmation); "restart", for the generation
# that is current already; "back".
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
