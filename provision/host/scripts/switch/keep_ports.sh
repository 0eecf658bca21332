# shellcheck shell=dash
# Have systemd keep the ports of chronyd open (chronyd.socket) while one daemon is replaced by another.

# Succeed if the socket unit on this host is ours.
socket_is_ours() {
    grep -qs '^# Managed by chrony-provision' "$socket"
}

# Copy the unit file from which the open socket was started, before the file is replaced: systemd tells only what the file says
# now. A boot removes the copy, and starts the socket from the file.
record_socket() {
    if [ -e "$open_socket" ] || ! socket_is_ours || ! systemctl -q is-active chronyd.socket; then return 0; fi
    # A full /run must not stop a rollback: without the record, the next switch opens the ports anew.
    { cp "$socket" "$open_socket.new" && mv -T "$open_socket.new" "$open_socket"; } || rm -f "$open_socket.new"
}

# Have systemd open the ports that the current generation names, and no others. A socket that is open and was started from the
# same unit file stays open, so that no request is lost. Any other is started anew, and the service is stopped before: systemd
# starts no socket while its service runs.
open_ports() {
    if [ ! -e "$root/current/chronyd.socket" ]; then
        close_ports
        return
    fi
    forget_failure chronyd.socket
    if systemctl -q is-active chronyd.socket && cmp -s "$socket" "$open_socket"; then return 0; fi
    rm -f "$open_socket"
    systemctl stop chronyd.socket chronyd.service &&
        systemctl start chronyd.socket &&
        record_socket
}

# Stop and remove our socket unit. Socket and service stop together: a request to an open socket would start the service again.
close_ports() {
    socket_is_ours || return 0
    systemctl stop chronyd.socket chronyd.service || return 1
    forget_failure chronyd.socket
    rm -f "$socket" "$open_socket"
    systemctl daemon-reload
}
