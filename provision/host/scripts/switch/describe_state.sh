# shellcheck shell=dash
# Describe the state of the clock, of chronyd and of a unit, for messages and for the record of a switch.

# Print a property of a unit, as systemd knows it.
unit_property() { # NAME UNIT
    systemctl show -p "$1" "$2" | sed 's/^[^=]*=//'
}

# Print the state of the clock, from the running chronyd or, without one, from the kernel.
clock_state() {
    local chronyc
    chronyc=$root/current/build/bin/chronyc
    [ -x "$chronyc" ] || chronyc=chronyc
    ask_chronyc 5 "$chronyc" -c -n tracking 2>/dev/null | grep , ||
        { timedatectl 2>/dev/null | grep -q 'synchronized: yes' && echo synchronised; } || true
}

# Print a sentence with the generation that runs.
describe_running() {
    local name
    name=$(running_generation)
    if [ -n "$name" ]; then echo "generation $name runs"; else echo "no generation runs"; fi
}

# Print the reason why chronyd ended: its own message or, if it was killed, systemd's. "(exiting)": the clock was off by
# more than maxchange allows (reference.c).
reason_of_end() {
    local lines words
    # Also by its name, for the unit is not always recorded: see "invocation" in print_evidence.sh.
    set -- _SYSTEMD_UNIT=chronyd.service + _PID=1 UNIT=chronyd.service + _PID=1 UNIT=chronyd.socket + _COMM=chronyd
    lines=$(journalctl -q -b -n 20 -o cat --no-pager "$@" 2>/dev/null || true)
    words=$(echo "$lines" | grep -E 'Fatal error|Could not|Failed to (create|bind|listen)|\(exiting\)|code=(killed|dumped)' | tail -n 1 || true)
    [ -n "$words" ] || words=$(echo "$lines" | grep 'Main process exited' | tail -n 1 || true)
    echo "${words:-see journalctl -u chronyd}"
}

# Print why the chronyd of the current generation ended; nothing if it runs, or if another generation is current.
describe_end() { # GENERATION
    [ "$1" = "$(current_generation)" ] && [ "$(unit_property ActiveState chronyd.service)" != active ] || return 0
    echo "; chronyd of generation $1 ended: $(reason_of_end)"
}

# Succeed if the host shuts down, when systemd starts no service any more.
is_shutting_down() {
    [ "$(systemctl is-system-running 2>/dev/null)" = stopping ]
}
