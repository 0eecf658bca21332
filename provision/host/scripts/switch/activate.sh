# shellcheck shell=dash
# Activate a generation, and check that it runs and answers.

# Print the generation that starts at boot.
current_generation() {
    local name
    name=$(readlink "$root/current" || true)
    echo "${name##*/}"
}

# Make a generation the one that starts at boot, and start it in place of the running time service.
activate() { # GENERATION
    place_generation "$1" && start_generation
}

# Make a generation the one that starts at boot; the running daemon is not affected.
place_generation() { # GENERATION
    # "set -e" has no effect inside a condition, hence "&&" after each step. The existing unit may be a symlink: the move
    # replaces it and does not write through it.
    record_socket &&
        ln -sfn "generations/$1" "$root/current.new" &&
        copy_unit "$root/generations/$1/chronyd.service" "$unit" &&
        { [ ! -e "$root/generations/$1/chronyd.socket" ] ||
            copy_unit "$root/generations/$1/chronyd.socket" "$socket"; } &&
        write_to_disk &&
        mv -T "$root/current.new" "$root/current" &&
        mv -T "$unit.new" "$unit" &&
        # If this generation has no socket unit, that of the previous one is removed later, when its ports close: see open_ports.
        { [ ! -e "$socket.new" ] || mv -T "$socket.new" "$socket"; } &&
        label_for_selinux &&
        reload_and_enable &&
        # Only now, when ours starts at boot: after a power cut, at least one time service is enabled.
        prevent_conflicts
}

# Copy a unit to FILE.new. A hard link needs no space: a full disk must not stop a rollback.
copy_unit() { # UNIT FILE
    cp "$1" "$2.new" || ln -f "$1" "$2.new"
}

# Start the generation that was placed, in place of the running time service.
start_generation() {
    local stamp
    stop_conflicts &&
        # systemd refuses to start a unit that crashed too often, and all generations share one unit.
        forget_failure chronyd.service &&
        stamp=$(start_stamp "$root") &&
        open_ports &&
        systemctl restart chronyd.service &&
        await_answer &&
        forget_measurements &&
        record_start "$stamp"
}

# Record the files that chronyd was started from. A full disk is no error: without the record, nothing is compared.
record_start() { # STAMP
    { echo "$1" >"$root/started.new" && mv -T "$root/started.new" "$root/started"; } ||
        rm -f "$root/started.new" "$root/started" || true
}

# Remove the measurements that a chronyd with "dumpdir" has saved here at its end. A chronyd started with -r takes them for
# current, regardless of their age, and serves a wrong time as synchronised. The names are those of sources.c.
forget_measurements() {
    local file name
    for file in /var/lib/chrony/*.dat; do
        name=${file##*/}
        case ${name%.dat} in
            [0-9]*.*.*.* | *:*:* | refid:*) rm -f "$file" || true ;;
        esac
    done
}

# Write files to disk. File names are written before contents: a power cut within half a minute would leave a generation
# of empty files, and an empty timer.
write_to_disk() {
    sync -f "$root" "$units" 2>/dev/null || sync
}

# Reload systemd once: "enable" reloads as well, and each reload takes a tenth of a second.
reload_and_enable() {
    if systemctl -q is-enabled chronyd.service 2>/dev/null; then
        systemctl daemon-reload
    else
        systemctl -q enable chronyd.service
    fi
}

# SELinux: a moved file keeps the label of its first folder; without bin_t, systemd would run chronyd in its own domain.
label_for_selinux() {
    local path
    command -v selinuxenabled >/dev/null 2>&1 && selinuxenabled || return 0
    for path in "$root" "$unit" "$socket" /usr/local/bin/chronyc /usr/local/sbin/chronyd /var/lib/chrony /var/log/chrony; do
        if [ -e "$path" ]; then restorecon -RF "$path" || echo "$path: could not be labelled for SELinux" >&2; fi
    done
}

# Wait until chronyc gets an answer, over the socket or UDP: up to ten seconds, even if the daemon hangs.
await_answer() {
    local chronyc since_boot end
    chronyc=$root/current/build/bin/chronyc
    read -r since_boot _ </proc/uptime
    end=$((${since_boot%.*} + 10))
    until ask_chronyc 5 "$chronyc" -n tracking >/dev/null 2>&1; do
        read -r since_boot _ </proc/uptime
        [ "${since_boot%.*}" -lt "$end" ] || return 1
        sleep 0.2
    done
}

# Print the generation of the process that runs.
running_generation() {
    local pid
    pid=$(unit_property MainPID chronyd.service)
    tr '\0' '\n' 2>/dev/null <"/proc/${pid:-0}/environ" | sed -n 's/^CHRONY_GENERATION=//p'
}

# Succeed if a generation is in place, and its daemon runs and answers.
generation_runs() { # GENERATION
    [ "$(current_generation)" = "$1" ] &&
        cmp -s "$root/generations/$1/chronyd.service" "$unit" &&
        has_socket_of "$1" &&
        [ "$(running_generation)" = "$1" ] &&
        await_answer
}

# Succeed if the socket unit is that of a generation and its ports are open, or if both have none.
has_socket_of() { # GENERATION
    if [ ! -e "$root/generations/$1/chronyd.socket" ]; then
        if socket_is_ours; then return 1; else return 0; fi
    fi
    cmp -s "$root/generations/$1/chronyd.socket" "$socket" && systemctl -q is-active chronyd.socket
}
