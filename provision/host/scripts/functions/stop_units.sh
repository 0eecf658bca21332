# shellcheck shell=dash
# Stop units before their files are removed, those that start a service before the services. A oneshot service that is stopped while
# it works has failed. Fail if one of the units still runs.
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
    forget_failure "$1"
}

# Let systemd forget that a unit has failed: it would show that even without the file of the unit.
forget_failure() { # UNIT
    systemctl reset-failed "$1" 2>/dev/null || true
}
