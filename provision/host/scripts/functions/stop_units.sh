# shellcheck shell=dash
# Stop units before their files are removed, those that start a service before the services. systemd shows a unit that has failed
# even without its file, and a oneshot service that is stopped while it works has failed: let it forget that. Fail if one of the
# units still runs.
stop_units() { # UNITS...
    local name runs
    runs=0
    for name; do
        case $name in *.service) ;; *) stop_unit "$name" || runs=1 ;; esac
    done
    for name; do
        case $name in *.service) stop_unit "$name" || runs=1 ;; esac
    done
    return $runs
}

stop_unit() { # UNIT
    # To stop a unit that is not there is an error, too.
    systemctl stop "$1" || ! systemctl -q is-active "$1" || return 1
    systemctl reset-failed "$1" 2>/dev/null || true
}
