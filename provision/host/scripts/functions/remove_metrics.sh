# shellcheck shell=dash
# needs: stop_units
# Remove the timer, the service, the script and the link by which a host writes metrics: see metrics_textfile.py in
# provision/deploy/steps/. Files of the same names that are not ours stay.
remove_metrics() { # FOLDER OF UNITS, OUR SCRIPT, ITS FILE
    local link
    if grep -qs '^# Managed by chrony-provision' "$1/chronyd-metrics.timer"; then
        stop_units chronyd-metrics.timer || true
        rm -f "$1/timers.target.wants/chronyd-metrics.timer" "$1/chronyd-metrics.timer"
    fi
    if grep -qs '^# Managed by chrony-provision' "$1/chronyd-metrics.service"; then
        stop_units chronyd-metrics.service || true
        link=$(sed -n 's/^Link=//p' "$1/chronyd-metrics.service")
        if [ "$(readlink "$link" || true)" = "$3" ]; then rm -f "$link"; fi
        rm -f "$1/chronyd-metrics.service"
    fi
    rm -f "$2"
    rm -rf "${3%/*}"
}
