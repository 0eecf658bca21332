# shellcheck shell=dash
# Record a switch that waits to be confirmed, and arm and disarm the timer that goes back from it.

# Record the fallback and start the timer that goes back to it. Unit files instead of systemd-run, whose timers do not
# survive a reboot. The service is restarted until it succeeds; systemd before 244 refuses Restart= with Type=oneshot, hence
# "simple". Every systemd knows StartLimitInterval= in [Service]; RuntimeMaxSec= exists since 229, and older ones ignore it.
# Four signals are no failure for systemd: without RestartForceExitStatus=, whoever sends one, such as earlyoom or pkill, would
# end the tries. After "systemctl stop", there is no restart.
arm() { # GENERATION FALLBACK TRACKING ANSWERED SECONDS [RESTARTS]
    printf '%s\n' "generation=$1" "fallback=$2" "tracking=$3" "answered=$4" "services=$(previous_services)" \
        ${6:+"restarts=$6"} >"$root/unconfirmed.new" &&
        printf '%s\n' '[Unit]' 'Description=Roll back to the previous chrony: the new one was not confirmed' '' \
            '[Service]' 'Type=simple' 'Environment=CHRONY_PROVISION_WHO=chrony-undo.timer' \
            "ExecStart=/bin/sh $root/switch --back $1" 'SuccessExitStatus=SIGTERM' \
            'Restart=on-failure' 'RestartForceExitStatus=SIGHUP SIGINT SIGPIPE SIGTERM' \
            'RestartSec=5' 'StartLimitInterval=0' 'RuntimeMaxSec=900' >"$undo.service.new" &&
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
    stop_units chrony-undo.timer 2>/dev/null || true
    # A failed service would be started again. It must not stop itself.
    is_timer || stop_units chrony-undo.service 2>/dev/null || true
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
