#!/bin/sh
# shellcheck shell=dash
# Choose the chrony that runs on this host. For root, also by hand in an emergency:
#
#   switch GENERATION             run this generation (ls /opt/chrony/generations); if it does not answer, the previous one
#   switch GENERATION SECONDS     the same; and go back after SECONDS, unless it is confirmed in time
#   switch --wait GENERATION SECONDS    go back after SECONDS from now instead
#   switch --confirm GENERATION   keep the running generation, if it runs for five more seconds
#   switch --back                 go back now, as the timer would
#   switch --before               restore the previous time service, from before the first deployment
#   switch --stop-conflicts       stop the other time services of this host permanently
#
# Files in /opt/chrony: current -> the generation that runs; unconfirmed: the generation that waits to be confirmed, and its
# fallback; before/: the previous time services and their units; made: everything made outside of this folder; history: a
# line for each change; started: the times of the files that chronyd was started from.
set -eu
umask 022
# A lost connection must not stop a switch half-way.
trap '' HUP PIPE
root=/opt/chrony
units=/etc/systemd/system
unit=$units/chronyd.service
socket=$units/chronyd.socket
# A copy of the unit from which the open socket was started; a boot removes it.
open_socket=/run/chronyd.socket.started
undo=$units/chrony-undo
links='/usr/local/bin/chronyc /usr/local/sbin/chronyd /etc/chrony/chrony.conf /etc/chrony/chrony.keys'
# Seconds to wait for another switch. A working one takes less: systemd limits the start and the stop of chronyd, of the
# fallback and of the other time services.
patience=180

# Do not hang with systemd, whose own limits for the start and the stop of a service are 90 s.
systemctl() {
    timeout -k 5 100 systemctl "$@"
}

# Print the commands and the generations, and end.
usage() {
    sed -n 's/^#   //p' "$root/switch" >&2 2>/dev/null || true
    # shellcheck disable=SC2012 # for people
    echo "generations:" "$(ls "$root/generations" 2>/dev/null | tr '\n' ' ')" >&2
    exit 2
}
