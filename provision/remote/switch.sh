#!/bin/sh
# Which chrony runs on this host. As root, also by hand, also at 3 a.m.:
#
#   switch GENERATION             run this one (ls /opt/chrony/generations), or, if it does not answer, the one before
#   switch GENERATION SECONDS     the same; and go back in SECONDS, unless it is confirmed in time
#   switch --confirm GENERATION   keep what runs
#   switch --back                 go back now: what such a timer does
#   switch --before               leave altogether: what kept time before the first deployment does it again
#   switch --others               show the other time daemons of this host, as "unit|load|active|enabled|file"
#   switch --stop-others          stop them, for good
#
# What is where: current -> the generation that runs; unconfirmed: what waits to be confirmed, and what to go back to;
# before/: what to put back when we leave; made: what we made elsewhere; history: a line for each change.
set -eu
umask 022
# A connection that is cut must not stop us half-way.
trap '' HUP PIPE
root=/opt/chrony
units=/etc/systemd/system
unit=$units/chronyd.service
links='/usr/local/bin/chronyc /usr/local/sbin/chronyd /etc/chrony/chrony.conf /etc/chrony/chrony.keys'

# --- other time daemons ---------------------------------------------------------------------------------------------

others() {
    # One call for all: an empty line ends each unit's properties. Not in the pipe, where its failure would be lost.
    said=$(systemctl show -p Id -p LoadState -p ActiveState -p UnitFileState -p FragmentPath chrony.service \
        systemd-timesyncd.service ntp.service ntpd.service ntpsec.service openntpd.service)
    echo "$said" | awk -F= -v OFS='|' '
        function unit() {
            if ("Id" in value)
                print value["Id"], value["LoadState"], value["ActiveState"], value["UnitFileState"], value["FragmentPath"]
            delete value
        }
        NF { value[$1] = $2; next }
        { unit() }
        END { unit() }' | grep -v '^chronyd\.service|' | sort -u
}

# They run on until ours is about to start, and do not start by themselves from now on. $1: the record of what they were.
hold_others() {
    touch "$1"
    others | while IFS='|' read -r name load active enabled file; do
        [ "$load" = loaded ] || [ "$active" = active ] || continue
        # The first line is the one that tells what was there before the first deployment.
        grep -q "^$name " "$1" || echo "$name $active ${enabled:-static}" >>"$1"
        [ "$load" = loaded ] || continue
        case $file in
            # systemctl(1): a unit file of the administrator's cannot be masked.
            /etc/*) systemctl -q disable "$name" ;;
            *) systemctl -q mask "$name" ;;
        esac
    done
}

stop_others() {
    # shellcheck disable=SC2046 # one word for each unit
    set -- $(others | awk -F'|' '$3 != "inactive" && $3 != "failed" && $3 != "" { print $1 }')
    [ $# -eq 0 ] || systemctl stop "$@"
}

# --- what was there before the first deployment -----------------------------------------------------------------------

remember() {
    [ ! -e "$root/before" ] || return 0
    for folder in /var/lib/chrony /var/log/chrony; do
        [ -e "$folder" ] || grep -sqx "folder $folder" "$root/made" || echo "folder $folder" >>"$root/made"
    done
    rm -rf "$root/before.new"
    mkdir "$root/before.new"
    # On Debian, chrony's package leaves a symlink to its own unit here.
    if [ -e "$unit" ] || [ -L "$unit" ]; then cp -pP "$unit" "$root/before.new/chronyd.service"; fi
    systemctl is-enabled chronyd.service >"$root/before.new/enabled" 2>/dev/null || true
    systemctl is-active chronyd.service >"$root/before.new/active" 2>/dev/null || true
    others | awk -F'|' '$2 == "loaded" || $3 == "active" { print $1, $3, ($4 == "" ? "static" : $4) }' \
        >"$root/before.new/services"
    mv -T "$root/before.new" "$root/before"
}

leave() {
    # By now the administrator may have put another one there.
    if [ ! -L "$unit" ] && grep -qs '^Environment=CHRONY_GENERATION=' "$unit"; then
        systemctl -q disable chronyd.service
        systemctl stop chronyd.service
        rm "$unit"
    fi
    if [ -e "$root/before/chronyd.service" ] || [ -L "$root/before/chronyd.service" ]; then
        cp -pP "$root/before/chronyd.service" "$unit"
    fi
    for link in $links; do
        case $(readlink "$link" || true) in "$root"/*) rm "$link" ;; esac
    done
    rm -f "$root/current"
    # An empty folder that only our links needed.
    if grep -sqx 'folder /etc/chrony' "$root/made"; then rmdir /etc/chrony 2>/dev/null || true; fi
    start=
    if [ -e "$root/before/services" ]; then
        while read -r name active enabled; do
            [ "$enabled" = masked ] || systemctl -q unmask "$name"
            if [ "$enabled" = enabled ] && ! systemctl -q is-enabled "$name" 2>/dev/null; then
                systemctl -q enable "$name" || echo "$name: could not be enabled again; is it still installed?" >&2
            fi
            [ "$active" != active ] || start="$start $name"
        done <"$root/before/services"
    fi
    systemctl daemon-reload
    # A unit of that name of the administrator's own.
    if [ -f "$unit" ] && [ ! -L "$unit" ]; then
        ! grep -qx enabled "$root/before/enabled" || systemctl -q enable chronyd.service
        ! grep -qx active "$root/before/active" || start="$start chronyd.service"
    fi
    for name in $start; do
        systemctl start "$name" || echo "$name: could not be started again; see systemctl status $name" >&2
    done
    settle
    rm -rf "$root/before"
}

# --- a generation -----------------------------------------------------------------------------------------------------

activate() {
    # "set -e" does not hold inside a condition: each step says so itself. A unit at its place may be a symlink: the
    # move replaces it, and never writes through it.
    ln -s "generations/$1" "$root/current.new.$$" &&
        cp "$root/generations/$1/chronyd.service" "$unit.new.$$" &&
        settle &&
        mv -T "$root/current.new.$$" "$root/current" &&
        mv -T "$unit.new.$$" "$unit" &&
        label &&
        reload &&
        stop_others &&
        systemctl restart chronyd.service &&
        answers
}

# Names reach a disk before contents do: a power cut within half a minute would leave a generation of empty files, and
# a timer without a line in it.
settle() {
    sync -f "$root" "$units" 2>/dev/null || sync
}

# "enable" reloads as well, and each reload takes a tenth of a second.
reload() {
    if systemctl -q is-enabled chronyd.service 2>/dev/null; then
        systemctl daemon-reload
    else
        systemctl -q enable chronyd.service
    fi
}

# SELinux: a file keeps the label of where it was made; without bin_t, systemd would run chronyd in its own domain.
label() {
    command -v selinuxenabled >/dev/null 2>&1 && selinuxenabled || return 0
    for path in "$root" "$unit" /usr/local/bin/chronyc /usr/local/sbin/chronyd /var/lib/chrony /var/log/chrony; do
        if [ -e "$path" ]; then restorecon -RF "$path" || echo "$path: could not be labelled for SELinux" >&2; fi
    done
}

# Monitoring over the socket or UDP, whichever chronyc finds open: up to ten seconds.
answers() {
    tries=50
    until "$root/current/build/bin/chronyc" -n tracking >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.2
    done
}

# How the clock stands now, by whichever chrony runs; where that is none, the kernel knows whether it is synchronised.
clock() {
    chronyc=$root/current/build/bin/chronyc
    [ -x "$chronyc" ] || chronyc=chronyc
    "$chronyc" -c -n tracking 2>/dev/null | grep , ||
        { timedatectl 2>/dev/null | grep -q 'synchronized: yes' && echo synchronised; } || true
}

# chronyd's own reason; a chronyd that was killed has none, and then systemd tells.
reason() {
    words=$(journalctl -u chronyd.service -n 20 -o cat --no-pager 2>/dev/null |
        grep -E 'Fatal error|Could not|code=killed' | tail -n 1 || true)
    echo "${words:-see journalctl -u chronyd}"
}

# Which parts differ between two generations.
changes() {
    [ -d "$root/generations/$1" ] || { echo all; return; }
    old=$root/generations/$1 new=$root/generations/$2
    differs=
    [ "$(readlink "$old/build")" = "$(readlink "$new/build")" ] || differs=build
    cmp -s "$old/chrony.conf" "$new/chrony.conf" || differs=$differs,conf
    cmp -s "$old/chrony.keys" "$new/chrony.keys" || differs=$differs,keys
    [ "$(grep -v '^Environment=CHRONY_GENERATION=' "$old/chronyd.service")" = \
        "$(grep -v '^Environment=CHRONY_GENERATION=' "$new/chronyd.service")" ] || differs=$differs,unit
    differs=${differs#,}
    echo "${differs:-nothing}"
}

record() { # GENERATION OUTCOME [GENERATION BEFORE]; a full disk must not stop the way back
    build=$(readlink "$root/generations/$1/build" 2>/dev/null || true)
    build=${build##*/}
    differs=-
    [ -z "${3-}" ] || differs=$(changes "$3" "$1")
    echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) ${CHRONY_PROVISION_WHO:-${SUDO_USER:-$(id -un)}}" \
        "$1 $2 ${build:--} $differs" >>"$root/history" || echo "$root/history cannot be written" >&2
}

# --- the way back -----------------------------------------------------------------------------------------------------

# Unit files, and no systemd-run: a timer of systemd-run's does not survive a reboot, and then nobody would go back.
arm() {
    cat >"$units/chrony-undo.service" <<UNIT
[Unit]
Description=Go back to the chrony that ran before: the new one was not confirmed

[Service]
Type=oneshot
Environment=CHRONY_PROVISION_WHO=chrony-undo.timer
ExecStart=$root/switch --back
UNIT
    cat >"$units/chrony-undo.timer" <<UNIT
[Unit]
Description=Go back to the chrony that ran before, unless the new one is confirmed

[Timer]
OnActiveSec=$1s
AccuracySec=100ms

[Install]
WantedBy=timers.target
UNIT
    # What "enable" does, but for its reload.
    mkdir -p "$units/timers.target.wants"
    ln -sf ../chrony-undo.timer "$units/timers.target.wants/chrony-undo.timer"
    systemctl daemon-reload
    systemctl restart chrony-undo.timer
}

disarm() {
    rm -f "$root/unconfirmed"
    [ -e "$units/chrony-undo.timer" ] || return 0
    systemctl stop chrony-undo.timer
    rm -f "$units/timers.target.wants/chrony-undo.timer" "$units/chrony-undo.timer" "$units/chrony-undo.service"
    systemctl daemon-reload
}

waiting() { # NAME
    sed -n "s/^$1=//p" "$root/unconfirmed" 2>/dev/null || true
}

return_to() { # GENERATION or "before"; whatever happens, once
    if [ "$1" = before ]; then leave && record before active; else activate "$1" && record "$1" active "${2-}"; fi
}

# --- what can be asked for --------------------------------------------------------------------------------------------

usage() {
    sed -n 's/^#   //p' "$root/switch" >&2 2>/dev/null || true
    # shellcheck disable=SC2012 # for people
    echo "generations:" "$(ls "$root/generations" 2>/dev/null | tr '\n' ' ')" >&2
    exit 2
}

switch() { # GENERATION [SECONDS]
    previous=$(readlink "$root/current" || true)
    previous=${previous##*/}
    # What was never confirmed is nothing to go back to.
    fallback=$(waiting fallback)
    fallback=${fallback:-${previous:-before}}
    remember
    if [ -n "${2-}" ]; then
        printf '%s\n' "generation=$1" "fallback=$fallback" "tracking=$(clock)" >"$root/unconfirmed.new"
        mv -T "$root/unconfirmed.new" "$root/unconfirmed"
        arm "$2"
    else
        disarm
    fi
    hold_others "$root/before/services"
    if activate "$1"; then
        record "$1" active "$previous"
        return
    fi
    words=$(reason)
    record "$1" failed "$previous"
    if [ "$fallback" = "$1" ]; then
        echo "chronyd of generation $1 did not come up: $words" >&2
    elif return_to "$fallback" "$1"; then
        [ "$fallback" = before ] && fallback="what was there before"
        echo "chronyd of generation $1 did not come up; $fallback runs again: $words" >&2
    else
        echo "chronyd of generation $1 did not come up, nor did $fallback: $words" >&2
    fi
    # Last, as in back().
    disarm
    return 1
}

confirm() { # GENERATION
    if [ "$(waiting generation)" != "$1" ]; then
        running=$(readlink "$root/current" || true)
        echo "$1 does not wait to be confirmed: ${running##*/} is current (it was too late, or somebody else switched)" >&2
        return 1
    fi
    disarm
    record "$1" confirmed
    settle
}

back() {
    fallback=$(waiting fallback)
    generation=$(waiting generation)
    if [ -z "$fallback" ]; then
        # A timer that a reboot kept from being taken away, after all was confirmed.
        disarm
        echo "nothing waits to be confirmed; say which generation: $root/switch GENERATION" >&2
        return 1
    fi
    record "$generation" "not-confirmed"
    return_to "$fallback" "$generation" || return_to before "$generation" || return 1
    # Last: as long as the file is there, a reboot tries again.
    disarm
}

case ${1-} in
    --others)
        others
        exit 0
        ;;
    --stop-others | --confirm | --back | --before) ;;
    "" | -* | */* | .*) usage ;;
    *)
        [ -e "$root/generations/$1/chronyd.service" ] || usage
        case ${2-} in *[!0-9]*) usage ;; esac
        ;;
esac
mkdir -p "$root"
# One at a time: a timer may go off while somebody switches.
exec 9>>"$root/switch.lock"
flock 9
case $1 in
    --stop-others) remember && hold_others "$root/before/services" && stop_others ;;
    --confirm) confirm "${2-}" ;;
    --back) back ;;
    --before) disarm && leave && record before active ;;
    *) switch "$1" "${2-}" ;;
esac
