# shellcheck shell=dash
# Stop the other time services of the host, and keep them from starting.

# Keep the other time services from starting by themselves; running ones continue until stop_conflicts.
prevent_conflicts() {
    local seen name load active enabled file starters
    seen=$(settled_services) && touch "$root/before/services" || return 1
    echo "$seen" | while IFS='|' read -r name load active enabled file starters; do
        [ "$load" = loaded ] || [ "$active" = active ] || continue
        # An enabled service that was installed while ours ran has failed because of ours: count it as active.
        [ "$active $enabled" != "failed enabled" ] || active=active
        # If it did not start, it is unknown whether it would have without ours. See start_enabled_services.
        [ "$active $enabled" != "inactive enabled" ] || active=later
        # The first line about a service is its state before the first deployment; do not add another.
        grep -q "^$name " "$root/before/services" || echo "$name $active ${enabled:-static}" >>"$root/before/services"
        [ "$load" = loaded ] || continue
        case $file in
            # systemctl(1): a unit file in /etc cannot be masked.
            /etc/*)
                # shellcheck disable=SC2086 # one word for each unit
                disable_triggers $starters
                systemctl -q disable "$name"
                ;;
            *) systemctl -q mask "$name" ;;
        esac
    done
}

# Stop and disable the timers, sockets and paths that would start a service which cannot be masked.
disable_triggers() { # UNIT...
    local trigger
    for trigger; do
        grep -qs "^$trigger " "$root/before/triggers" ||
            echo "$trigger $(unit_property ActiveState "$trigger") $(unit_property UnitFileState "$trigger")" \
                >>"$root/before/triggers"
        # A unit of a generator or of systemd-run cannot be disabled, only stopped.
        systemctl -q disable --now "$trigger" || systemctl stop "$trigger"
    done
}

# Stop the other time services that run now.
stop_conflicts() {
    local seen
    seen=$(conflicting_services) || return 1
    # shellcheck disable=SC2046 # one word for each unit
    set -- $(echo "$seen" | awk -F'|' '$3 != "inactive" && $3 != "failed" && $3 != "" { print $1 }')
    [ $# -eq 0 ] || systemctl stop "$@"
}
