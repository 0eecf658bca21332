# shellcheck shell=dash
# Confirm the generation that runs, if it stays up.

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

# Succeed if the daemon stays up. It may crash seconds after it answered, and systemd restarts it, so each process answers
# for a while.
keeps_running() {
    local pid tries started
    pid=$(unit_property MainPID chronyd.service)
    [ "${pid:-0}" -gt 0 ] || return 1
    # Five more seconds, after the time that the proof has taken.
    tries=25
    while [ "$tries" -gt 0 ]; do
        [ -d "/proc/$pid" ] || return 1
        tries=$((tries - 1))
        sleep 0.2
    done
    # systemd counts restarts since version 235.
    started=$(unconfirmed_value restarts)
    [ -z "$started" ] || [ "$(unit_property NRestarts chronyd.service)" = "$started" ]
}
