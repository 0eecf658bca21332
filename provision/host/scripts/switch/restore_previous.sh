# shellcheck shell=dash
# Record the time services that ran before the first deployment, and restore them.

# Print the conflicting services, with the state in which each will be soon in place of one that systemd is about to leave:
# a host that has just booted still starts its services. A static service that is "activating" is a command of a timer.
settled_services() {
    local seen
    seen=$(conflicting_services) || return 1
    echo "$seen" | awk 'BEGIN { FS = OFS = "|" }
        $3 == "reloading" || $3 == "refreshing" || ($3 == "activating" && $4 == "enabled") { $3 = "active" }
        $3 == "deactivating" { $3 = "inactive" }
        { print }'
}

# Record the time services of the host and their states in the folder "before"; only before the first deployment.
record_previous_services() {
    local seen folder
    [ ! -e "$root/before" ] || return 0
    seen=$(settled_services)
    for folder in /var/lib/chrony /var/log/chrony; do
        [ -e "$folder" ] || grep -sqx "folder $folder" "$root/made" || echo "folder $folder" >>"$root/made"
    done
    rm -rf "$root/before.new"
    mkdir "$root/before.new"
    # Debian's chrony package has a symlink to its own unit here.
    if [ -e "$unit" ] || [ -L "$unit" ]; then cp -pP "$unit" "$root/before.new/chronyd.service"; fi
    # A package's unit (RPM, Arch) or the administrator's may have the name of ours.
    systemctl is-enabled chronyd.service >"$root/before.new/enabled" 2>/dev/null || true
    { systemctl is-active chronyd.service 2>/dev/null || true; } | sed 's/^\(activating\|reloading\|refreshing\)$/active/' \
        >"$root/before.new/active"
    echo "$seen" | awk -F'|' '$2 == "loaded" || $3 == "active" { print $1, $3, ($4 == "" ? "static" : $4) }' \
        >"$root/before.new/services"
    write_to_disk
    mv -T "$root/before.new" "$root/before"
}

# Print the units that kept time before the first deployment, on one line.
previous_services() {
    {
        awk '$2 == "active" { print $1 }' "$root/before/services" 2>/dev/null
        # A symlink is an alias of another unit, which is listed by itself.
        if [ ! -L "$root/before/chronyd.service" ] && grep -qsx active "$root/before/active"; then echo chronyd.service; fi
    } | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# Succeed if a service kept time before the first deployment and is still installed.
had_previous_service() {
    local name
    for name in $(previous_services); do
        [ "$(unit_property LoadState "$name")" = not-found ] || return 0
    done
    return 1
}

# Print a failure after which restore_previous_services continues.
# Sets: failed
report_failure() { # WORDS...
    failed=1
    echo "$*" >&2
}

# Remove our unit and links, and restore the previous units. Continue after a failure, but then keep the record.
# Sets: failed stopped_namesake
restore_previous_services() {
    local link list active enabled name
    failed=
    stopped_namesake=
    if [ ! -L "$unit" ] && grep -qs '^Environment=CHRONY_GENERATION=' "$unit"; then
        systemctl -q disable chronyd.service || true
        close_ports || report_failure "chronyd.socket could not be stopped"
        stop_units chronyd.service || report_failure "chronyd.service could not be stopped"
        rm -f "$unit"
    fi
    if [ -e "$root/before/chronyd.service" ] || [ -L "$root/before/chronyd.service" ]; then
        # Keep a unit that was installed meanwhile. A move does not write through a symlink.
        if [ ! -e "$unit" ] && [ ! -L "$unit" ]; then
            stop_namesake
            { cp -pP "$root/before/chronyd.service" "$unit.new" && mv -T "$unit.new" "$unit"; } ||
                report_failure "$unit could not be put back"
        fi
    fi
    for link in $links; do
        case $(readlink "$link" || true) in
            "$root"/*)
                rm -f "$link" || report_failure "$link could not be removed"
                create_package_file "$link"
                ;;
        esac
    done
    rm -f "$root/current" "$root/started"
    remove_declarations
    remove_key_usage
    remove_nts_renewal
    restore_programs
    # Remove the folder if we made it and it is empty.
    if grep -sqx 'folder /etc/chrony' "$root/made"; then rmdir /etc/chrony 2>/dev/null || true; fi
    systemctl daemon-reload || report_failure "systemctl daemon-reload failed"
    # A socket cannot start once its service runs.
    for list in triggers services; do
        [ -e "$root/before/$list" ] || continue
        while read -r name active enabled; do restore_unit_state "$name" "$active" "$enabled"; done <"$root/before/$list"
    done
    [ -z "$stopped_namesake" ] || systemctl start "$stopped_namesake" ||
        report_failure "$stopped_namesake could not be started again"
    # On Debian, this name is an alias of chrony.service, which is in the list above.
    if [ -e "$root/before/enabled" ] && [ "$(unit_property Id chronyd.service)" = chronyd.service ] &&
        [ "$(unit_property LoadState chronyd.service)" = loaded ]; then
        restore_unit_state chronyd.service "$(cat "$root/before/active")" "$(cat "$root/before/enabled")"
    fi
    start_enabled_services
    write_to_disk
    [ -z "$failed" ] || return 1
    # An earlier run may have been killed here.
    rm -rf "$root/before.old"
    [ ! -e "$root/before" ] || mv -T "$root/before" "$root/before.old"
    rm -rf "$root/before.old"
}

# Copy a configuration file of Debian's chrony package to its place. If the package was installed while our link was there,
# it took the link for the administrator's file and did not create its own, without which its daemon does not start.
create_package_file() { # LINK THAT IS GONE
    local packaged
    packaged=/usr/share/chrony/${1##*/}
    case $1 in /etc/*) ;; *) return 0 ;; esac
    if [ ! -x /usr/sbin/chronyd ] || [ ! -e "$packaged" ]; then return 0; fi
    { cp "$packaged" "$1.new" && chmod 0640 "$1.new" && mv -T "$1.new" "$1"; } || report_failure "$1 could not be created"
    case $1 in *.keys) ;; *) chmod 0644 "$1" ;; esac
}

# Stop counting the answers for each key, and remove the counts: see key_usage in provision/deploy/phases.py.
remove_key_usage() {
    local name
    name=chrony-provision-usage
    grep -qs '^# Managed by chrony-provision' "$units/$name.service" || return 0
    remove_our_units "$name.service $name-save.service $name-save.timer" /var/lib/chrony-provision \
        "$units/$name.service" "$units/$name-save.service" "$units/$name-save.timer" "$root/key-usage" ||
        report_failure "$name could not be stopped"
}

# Remove the units that watch a certificate of the host: see provision/deploy/nts_renewal.py.
remove_nts_renewal() {
    local name
    name=chrony-provision-nts
    grep -qs '^# Managed by chrony-provision' "$units/$name.path" || return 0
    remove_our_units "$name.path $name.timer $name.service" /run/chrony-nts-renewal \
        "$units/$name.path" "$units/$name.timer" "$units/$name.service" "$root/nts-renewal" ||
        report_failure "$name could not be stopped"
}

# Remove the files that describe our service to systemd and logrotate, except the unit, and those that save its measurements and
# write its metrics: see timedatectl.py, boot_wait.py, log_rotation.py and metrics_textfile.py in provision/deploy/steps/, and
# provision/deploy/saved_measurements.py.
remove_declarations() {
    if grep -qs '^# Managed by chrony-provision' "$units/chronyd-wait.service"; then
        remove_our_units chronyd-wait.service "" "$units/chronyd-wait.service" ||
            report_failure "chronyd-wait could not be stopped"
    fi
    if [ -e /etc/systemd/ntp-units.d/10-chrony-provision.list ]; then
        rm -f /etc/systemd/ntp-units.d/10-chrony-provision.list
        # It reads these lists only when it starts.
        systemctl try-restart systemd-timedated.service 2>/dev/null || true
    fi
    if grep -qs '^# Managed by chrony-provision' /etc/logrotate.d/chrony-provision; then
        rm -f /etc/logrotate.d/chrony-provision
    fi
    if grep -qs '^# Managed by chrony-provision' "$units/chronyd-measurements.timer"; then
        remove_our_units "chronyd-measurements.service chronyd-measurements.timer" "" "$units/chronyd-measurements.service" \
            "$units/chronyd-measurements.timer" "$root/measurements" || report_failure "chronyd-measurements could not be stopped"
    fi
    remove_metrics "$units" "$root/write-metrics" /run/chrony-metrics/chrony.prom
    # Remove the folder if only our file was in it.
    rmdir /etc/systemd/ntp-units.d 2>/dev/null || true
}

# Restore the programs that our links have replaced, as the operator allowed: see make_links.sh.
restore_programs() {
    local program
    for program in /usr/local/bin/chronyc /usr/local/sbin/chronyc /usr/local/sbin/chronyd; do
        [ -e "$root/replaced$program" ] || [ -L "$root/replaced$program" ] || continue
        # Keep a program that was installed meanwhile.
        if [ -e "$program" ] || [ -L "$program" ]; then continue; fi
        mv -T "$root/replaced$program" "$program" || report_failure "$program could not be put back"
    done
}

# Stop the unit of which our unit's name becomes an alias again. If it runs beside ours, as after a power cut before it was
# masked, systemd would take the two for one, start it a second time, and lose track of the running process.
# Sets: stopped_namesake
stop_namesake() {
    local namesake
    namesake=$(readlink "$root/before/chronyd.service" || true)
    namesake=${namesake##*/}
    case $namesake in *.service) ;; *) return 0 ;; esac
    case $(unit_property ActiveState "$namesake") in inactive | failed) return 0 ;; esac
    stopped_namesake=$namesake
    systemctl stop "$namesake" || report_failure "$namesake could not be stopped"
}

# Restore the previous state of a unit.
restore_unit_state() { # UNIT ACTIVE ENABLED
    # A unit that was masked before the first deployment stays masked.
    [ "$3" != masked ] || return 0
    [ "$(unit_property LoadState "$1")" != masked ] || systemctl -q unmask "$1" || report_failure "$1 could not be unmasked"
    if [ "$(unit_property LoadState "$1")" = not-found ]; then
        echo "$1 is not installed any more" >&2
        return 0
    fi
    if [ "$3" = enabled ] && ! systemctl -q is-enabled "$1" 2>/dev/null; then
        systemctl -q enable "$1" || report_failure "$1 could not be enabled again"
    fi
    [ "$2" != active ] || systemctl start "$1" || report_failure "$1 could not be started again: see systemctl status $1"
}

# If no time service runs now, start the enabled ones that were installed while ours kept them from starting.
start_enabled_services() {
    local seen name load enabled
    seen=$(conflicting_services) || return 0
    case $(unit_property ActiveState chronyd.service) in active | activating) return 0 ;; esac
    ! echo "$seen" | grep -q '^[^|]*|[^|]*|\(active\|activating\)|' || return 0
    echo "$seen" | while IFS='|' read -r name load _ enabled _; do
        [ "$load" = loaded ] && [ "$enabled" = enabled ] || continue
        ! grep -s "^$name " "$root/before/services" | grep -qv ' later ' || continue
        forget_failure "$name"
        systemctl start "$name" || echo "$name could not be started: see systemctl status $name" >&2
    done
}
