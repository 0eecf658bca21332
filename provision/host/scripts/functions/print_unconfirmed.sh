# shellcheck shell=dash
# Print the switch that waits to be confirmed as "name=value" lines; nothing if there is none. $1: our folder on the host.
print_unconfirmed() {
    [ -e "$1/unconfirmed" ] || return 0
    sed -n '/^generation=/p; /^fallback=/p' "$1/unconfirmed"
    # The time at which systemd starts the service of the timer, and the time now: in UTC, by the clock of this host.
    # systemd counts by a clock that no step changes, and converts the time to print it.
    TZ=UTC0 LC_ALL=C systemctl list-timers --all --no-legend chrony-undo.timer 2>/dev/null |
        awk '$2 ~ /^[0-9]+-[0-9]+-[0-9]+$/ { print "reverts=" $2 "T" $3 "Z"; exit }'
    case $(systemctl is-active chrony-undo.service 2>/dev/null) in
        active | activating) echo reverting=yes ;;
    esac
    echo "now=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
}
