# shellcheck shell=dash
# Go back to the previous generation, or to the time service before the first deployment.

# Go back to the previous generation or, if that does not come up either, to the time service before the first deployment.
# Each part can be repeated and ends with a check of the running service, so the next try completes an interrupted one.
# After success, "return_message" says what runs; "start_failed" is 1 once a service did not start.
# Reads: active_again
# Sets: return_message start_failed
go_back() { # GENERATION or "before", GENERATION that is left
    local services outcome
    if [ "$1" != before ]; then
        if [ "$1" = "$2" ]; then
            # There is no other generation to go back to, and this one has just failed to start.
            # A start is only tried again after a pause.
            start_failed=1
        elif return_to_generation "$1" "$2"; then
            return 0
        fi
        # Leave a write error or a shutdown to the next try. If no service kept time before the first deployment, also leave
        # a generation that does not come up: systemd continues to start it, which is better than no time service.
        [ -n "$start_failed" ] && ! is_shutting_down && had_previous_service || return 1
        [ ! -e "$root/unconfirmed" ] || fall_back_to_previous_service || return 1
    fi
    services=$(previous_services)
    services=${services:-$(unconfirmed_value services)}
    # shellcheck disable=SC2086 # one word for each unit
    restore_previous_services || { start_again $services || true; return 1; }
    # shellcheck disable=SC2086 # one word for each unit
    start_again $services || return 1
    outcome=none
    return_message="no time service that ran before the first deployment is installed, and none was started"
    if [ -n "$active_again" ]; then
        outcome=active
        return_message="active again:$active_again"
    fi
    record_history_once 1 before "$outcome"
}

# Start the generation again, unless it still runs.
# Sets: return_message start_failed
return_to_generation() { # GENERATION, GENERATION that is left
    if ! generation_runs "$1"; then
        place_generation "$1" || return 1
        start_generation || { start_failed=1; return 1; }
    fi
    record_history_once 1 "$1" active "$2"
    return_message="rolled back to generation $1"
}

# Make the time service before the first deployment the fallback, also for the next try.
fall_back_to_previous_service() {
    sed 's/^fallback=.*/fallback=before/' "$root/unconfirmed" >"$root/unconfirmed.new" &&
        mv -T "$root/unconfirmed.new" "$root/unconfirmed"
}

# Start units that do not run, and check a second later: a unit of Type=simple counts as started even if it ends at once.
# "active_again" are those that run then.
# Sets: active_again start_failed
start_again() { # UNIT...
    local down name
    down='' active_again=''
    for name; do
        [ "$(unit_property LoadState "$name")" = loaded ] || continue
        [ "$(unit_property ActiveState "$name")" = active ] || systemctl start "$name" || true
    done
    [ $# -eq 0 ] || sleep 1
    for name; do
        [ "$(unit_property LoadState "$name")" = loaded ] || continue
        if [ "$(unit_property ActiveState "$name")" = active ]; then
            active_again="$active_again $name"
        else
            down="$down $name"
        fi
    done
    [ -n "$down" ] || return 0
    start_failed=1
    echo "does not run again:$down (see systemctl status$down)" >&2
    return 1
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
