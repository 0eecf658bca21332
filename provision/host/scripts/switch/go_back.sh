# shellcheck shell=dash
# Go back to the previous generation or service unless the switch is confirmed.

# Record the fallback and start the timer that goes back to it. Unit files instead of systemd-run, whose timers do not
# survive a reboot. The service is restarted until it succeeds; systemd before 244 refuses Restart= with Type=oneshot, hence
# "simple". Every systemd knows StartLimitInterval= in [Service]; RuntimeMaxSec= exists since 229, and older ones ignore it.
arm() { # GENERATION FALLBACK TRACKING ANSWERED SECONDS [RESTARTS]
    printf '%s\n' "generation=$1" "fallback=$2" "tracking=$3" "answered=$4" "services=$(previous_services)" \
        ${6:+"restarts=$6"} >"$root/unconfirmed.new" &&
        printf '%s\n' '[Unit]' 'Description=Roll back to the previous chrony: the new one was not confirmed' '' \
            '[Service]' 'Type=simple' 'Environment=CHRONY_PROVISION_WHO=chrony-undo.timer' \
            "ExecStart=/bin/sh $root/switch --back $1" 'SuccessExitStatus=SIGTERM' \
            'Restart=on-failure' 'RestartSec=5' 'StartLimitInterval=0' 'RuntimeMaxSec=900' >"$undo.service.new" &&
        printf '%s\n' '[Unit]' 'Description=Roll back to the previous chrony unless the new one is confirmed' '' \
            '[Timer]' "OnActiveSec=$5s" 'AccuracySec=100ms' '' \
            '[Install]' 'WantedBy=timers.target' >"$undo.timer.new" &&
        # An existing fallback must not be lost before the new one is on disk: see write_to_disk.
        { [ ! -e "$root/unconfirmed" ] || write_to_disk; } &&
        mv -T "$root/unconfirmed.new" "$root/unconfirmed" &&
        mv -T "$undo.service.new" "$undo.service" &&
        mv -T "$undo.timer.new" "$undo.timer" &&
        # The same as "enable", without its reload.
        mkdir -p "$units/timers.target.wants" &&
        ln -sfn ../chrony-undo.timer "$units/timers.target.wants/chrony-undo.timer" &&
        systemctl daemon-reload &&
        systemctl restart chrony-undo.timer &&
        # A service that was started a moment ago waits for our lock, and would go back as soon as it is released.
        { systemctl stop chrony-undo.service 2>/dev/null || true; }
}

# Remove the fallback and the timer. If this is interrupted, the service of the timer completes it, for without a fallback
# it calls this function.
disarm() {
    rm -f "$root/unconfirmed"
    [ -e "$undo.timer" ] || [ -e "$undo.service" ] || return 0
    systemctl stop chrony-undo.timer 2>/dev/null || true
    # A failed service would be started again. It must not stop itself.
    is_timer || systemctl stop chrony-undo.service 2>/dev/null || true
    rm -f "$units/timers.target.wants/chrony-undo.timer" "$undo.timer" "$undo.service"
    # Remove the folder if only our link was in it.
    rmdir "$units/timers.target.wants" 2>/dev/null || true
    systemctl daemon-reload
}

# Succeed if the timer's service runs this script.
is_timer() {
    [ "${CHRONY_PROVISION_WHO-}" = chrony-undo.timer ]
}

# Print a value of the switch that waits to be confirmed.
unconfirmed_value() { # NAME
    sed -n "s/^$1=//p" "$root/unconfirmed" 2>/dev/null || true
}

# Print the units that kept time before the first deployment, on one line.
previous_services() {
    {
        awk '$2 == "active" { print $1 }' "$root/before/services" 2>/dev/null
        # A symlink is an alias of another unit, which is listed by itself.
        if [ ! -L "$root/before/chronyd.service" ] && grep -qsx active "$root/before/active"; then echo chronyd.service; fi
    } | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# Go back to the previous generation or, if that does not come up either, to the time service before the first deployment.
# Each part can be repeated and ends with a check of the running service, so the next try completes an interrupted one.
# After success, "return_message" says what runs; "start_failed" is 1 once a service did not start.
# Reads: active_again
# Sets: return_message start_failed
go_back() { # GENERATION or "before", GENERATION that is left
    local services
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
    record_history_once 1 before active
    return_message="no time service that ran before the first deployment is installed, and none was started"
    [ -z "$active_again" ] || return_message="active again:$active_again"
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

# Succeed if the host shuts down, when systemd starts no service any more.
is_shutting_down() {
    [ "$(systemctl is-system-running 2>/dev/null)" = stopping ]
}
