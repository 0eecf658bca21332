#!/bin/sh
# Which chrony runs on this host. As root, also by hand, also at 3 a.m.:
#
#   switch GENERATION             run this one (ls /opt/chrony/generations), or, if it does not answer, the one before
#   switch GENERATION SECONDS     the same; and go back in SECONDS, unless it is confirmed in time
#   switch --wait GENERATION SECONDS    go back in SECONDS from now, and not when it was said before
#   switch --confirm GENERATION   keep what runs, if it runs for five seconds more
#   switch --back                 go back now: what such a timer does
#   switch --before               leave altogether: what kept time before the first deployment does it again
#   switch --stop-others          stop the other time daemons of this host, for good
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
undo=$units/chrony-undo
links='/usr/local/bin/chronyc /usr/local/sbin/chronyd /etc/chrony/chrony.conf /etc/chrony/chrony.keys'

# --- other time daemons ---------------------------------------------------------------------------------------------

# @others@

# They run on until ours is about to start, and do not start by themselves from now on.
hold_others() {
    seen=$(others) && touch "$root/before/services" || return 1
    echo "$seen" | while IFS='|' read -r name load active enabled file; do
        [ "$load" = loaded ] || [ "$active" = active ] || continue
        # The first line is the one that tells what was there before the first deployment.
        grep -q "^$name " "$root/before/services" || echo "$name $active ${enabled:-static}" >>"$root/before/services"
        [ "$load" = loaded ] || continue
        case $file in
            # systemctl(1): a unit file of the administrator's cannot be masked.
            /etc/*) systemctl -q disable "$name" ;;
            *) systemctl -q mask "$name" ;;
        esac
    done
}

stop_others() {
    seen=$(others) || return 1
    # shellcheck disable=SC2046 # one word for each unit
    set -- $(echo "$seen" | awk -F'|' '$3 != "inactive" && $3 != "failed" && $3 != "" { print $1 }')
    [ $# -eq 0 ] || systemctl stop "$@"
}

# --- what was there before the first deployment -----------------------------------------------------------------------

remember() {
    [ ! -e "$root/before" ] || return 0
    seen=$(others)
    for folder in /var/lib/chrony /var/log/chrony; do
        [ -e "$folder" ] || grep -sqx "folder $folder" "$root/made" || echo "folder $folder" >>"$root/made"
    done
    rm -rf "$root/before.new"
    mkdir "$root/before.new"
    # On Debian, chrony's package leaves a symlink to its own unit here.
    if [ -e "$unit" ] || [ -L "$unit" ]; then cp -pP "$unit" "$root/before.new/chronyd.service"; fi
    # Where the package's own unit has our unit's name (RPM, Arch), or the administrator has one.
    systemctl is-enabled chronyd.service >"$root/before.new/enabled" 2>/dev/null || true
    systemctl is-active chronyd.service >"$root/before.new/active" 2>/dev/null || true
    echo "$seen" | awk -F'|' '$2 == "loaded" || $3 == "active" { print $1, $3, ($4 == "" ? "static" : $4) }' \
        >"$root/before.new/services"
    settle
    mv -T "$root/before.new" "$root/before"
}

kept_time_before() { # did anything?
    grep -qs '^[^ ]* active ' "$root/before/services" || grep -qsx active "$root/before/active"
}

fail() {
    failed=1
    echo "$*" >&2
}

# Goes on where something fails, and keeps the record then.
leave() {
    failed=
    parted=
    if [ ! -L "$unit" ] && grep -qs '^Environment=CHRONY_GENERATION=' "$unit"; then
        systemctl -q disable chronyd.service || true
        systemctl stop chronyd.service || fail "chronyd.service could not be stopped"
        rm -f "$unit"
    fi
    if [ -e "$root/before/chronyd.service" ] || [ -L "$root/before/chronyd.service" ]; then
        # Who has put another one there meanwhile knows better. By a move, which writes through no symlink.
        if [ ! -e "$unit" ] && [ ! -L "$unit" ]; then
            part_from_namesake
            { cp -pP "$root/before/chronyd.service" "$unit.new" && mv -T "$unit.new" "$unit"; } ||
                fail "$unit could not be put back"
        fi
    fi
    for link in $links; do
        case $(readlink "$link" || true) in
            "$root"/*) rm -f "$link" || fail "$link could not be removed" ;;
        esac
    done
    rm -f "$root/current"
    # An empty folder that only our links needed.
    if grep -sqx 'folder /etc/chrony' "$root/made"; then rmdir /etc/chrony 2>/dev/null || true; fi
    systemctl daemon-reload || fail "systemd could not be told"
    if [ -e "$root/before/services" ]; then
        while read -r name active enabled; do give_back "$name" "$active" "$enabled"; done <"$root/before/services"
    fi
    [ -z "$parted" ] || systemctl start "$parted" || fail "$parted could not be started again"
    # On Debian that name is an alias of chrony.service, which was one of the others.
    if [ -e "$root/before/enabled" ] && [ "$(property Id chronyd.service)" = chronyd.service ] &&
        [ "$(property LoadState chronyd.service)" = loaded ]; then
        give_back chronyd.service "$(cat "$root/before/active")" "$(cat "$root/before/enabled")"
    fi
    settle
    [ -z "$failed" ] || return 1
    [ ! -e "$root/before" ] || mv -T "$root/before" "$root/before.old"
    rm -rf "$root/before.old"
}

# Our unit's name becomes an alias of another unit again. Where that one runs beside ours, as after a power cut before it
# was masked, systemd would take the two for one, start it once more, and forget the process that runs.
part_from_namesake() {
    namesake=$(readlink "$root/before/chronyd.service" || true)
    namesake=${namesake##*/}
    case $namesake in *.service) ;; *) return 0 ;; esac
    case $(property ActiveState "$namesake") in inactive | failed) return 0 ;; esac
    parted=$namesake
    systemctl stop "$namesake" || fail "$namesake could not be stopped"
}

give_back() { # UNIT ACTIVE ENABLED
    # It was masked when we came.
    [ "$3" != masked ] || return 0
    [ "$(property LoadState "$1")" != masked ] || systemctl -q unmask "$1" || fail "$1 could not be unmasked"
    if [ "$(property LoadState "$1")" = not-found ]; then
        echo "$1 is not installed any more" >&2
        return 0
    fi
    if [ "$3" = enabled ] && ! systemctl -q is-enabled "$1" 2>/dev/null; then
        systemctl -q enable "$1" || fail "$1 could not be enabled again"
    fi
    [ "$2" != active ] || systemctl start "$1" || fail "$1 could not be started again: see systemctl status $1"
}

property() { # NAME UNIT
    systemctl show -p "$1" "$2" | sed 's/^[^=]*=//'
}

# --- a generation -----------------------------------------------------------------------------------------------------

activate() {
    # "set -e" does not hold inside a condition: each step says so itself. A unit at its place may be a symlink: the
    # move replaces it, and never writes through it.
    ln -sfn "generations/$1" "$root/current.new" &&
        # A second name needs no room: a full disk must not stop the way back.
        { cp "$root/generations/$1/chronyd.service" "$unit.new" ||
            ln -f "$root/generations/$1/chronyd.service" "$unit.new"; } &&
        settle &&
        mv -T "$root/current.new" "$root/current" &&
        mv -T "$unit.new" "$unit" &&
        label &&
        reload &&
        # Ours starts at boot by now: a power cut leaves one of us enabled.
        hold_others &&
        stop_others &&
        # A daemon that crashed too often may not be started again, and it is the same unit.
        { systemctl reset-failed chronyd.service 2>/dev/null || true; } &&
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

# Monitoring over the socket or UDP, whichever chronyc finds open: up to ten seconds, also when the daemon hangs.
answers() {
    # shellcheck disable=SC2016 # the other shell expands it
    timeout -s KILL 10 sh -c 'until "$0" -n tracking >/dev/null 2>&1; do sleep 0.2; done' "$root/current/build/bin/chronyc"
}

# A daemon may crash seconds after it answered; systemd starts it again, and each of them answers for a while.
stays() {
    pid=$(property MainPID chronyd.service)
    [ "${pid:-0}" -gt 0 ] || return 1
    # Five seconds; it is older than that, for somebody has proven it.
    tries=25
    while [ "$tries" -gt 0 ]; do
        [ -d "/proc/$pid" ] || return 1
        tries=$((tries - 1))
        sleep 0.2
    done
    # systemd 235 and later count; an older one has nothing to say.
    started=$(waiting restarts)
    [ -z "$started" ] || [ "$(property NRestarts chronyd.service)" = "$started" ]
}

# How the clock stands now, by whichever chrony runs; where that is none, the kernel knows whether it is synchronised.
clock() {
    chronyc=$root/current/build/bin/chronyc
    [ -x "$chronyc" ] || chronyc=chronyc
    timeout -s KILL 5 "$chronyc" -c -n tracking 2>/dev/null | grep , ||
        { timedatectl 2>/dev/null | grep -q 'synchronized: yes' && echo synchronised; } || true
}

# chronyd's own reason; a chronyd that was killed has none, and then systemd tells.
reason() {
    words=$(journalctl -u chronyd.service -n 20 -o cat --no-pager 2>/dev/null |
        grep -E 'Fatal error|Could not|code=(killed|dumped)' | tail -n 1 || true)
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
    # One word, whatever the directory service calls its people.
    who=$(echo "${CHRONY_PROVISION_WHO:-${SUDO_USER:-$(id -un)}}" | tr -c 'A-Za-z0-9_.@\n-' -)
    echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $who $1 $2 ${build:--} $differs" >>"$root/history" || echo "$root/history cannot be written" >&2
}

# --- the way back -----------------------------------------------------------------------------------------------------

# Unit files, and no systemd-run: a timer of systemd-run's does not survive a reboot, and then nobody would go back.
arm() { # GENERATION FALLBACK TRACKING ANSWERED SECONDS [RESTARTS]
    printf '%s\n' "generation=$1" "fallback=$2" "tracking=$3" "answered=$4" ${6:+"restarts=$6"} >"$root/unconfirmed.new" &&
        printf '%s\n' '[Unit]' 'Description=Go back to the chrony that ran before: the new one was not confirmed' '' \
            '[Service]' 'Type=oneshot' 'Environment=CHRONY_PROVISION_WHO=chrony-undo.timer' \
            "ExecStart=/bin/sh $root/switch --back $1" 'SuccessExitStatus=SIGTERM' >"$undo.service.new" &&
        printf '%s\n' '[Unit]' 'Description=Go back to the chrony that ran before, unless the new one is confirmed' '' \
            '[Timer]' "OnActiveSec=$5s" 'AccuracySec=100ms' '' \
            '[Install]' 'WantedBy=timers.target' >"$undo.timer.new" &&
        # A way back that is there must not be lost for a new one: see settle.
        { [ ! -e "$root/unconfirmed" ] || settle; } &&
        mv -T "$root/unconfirmed.new" "$root/unconfirmed" &&
        mv -T "$undo.service.new" "$undo.service" &&
        mv -T "$undo.timer.new" "$undo.timer" &&
        # What "enable" does, but for its reload.
        mkdir -p "$units/timers.target.wants" &&
        ln -sfn ../chrony-undo.timer "$units/timers.target.wants/chrony-undo.timer" &&
        systemctl daemon-reload &&
        systemctl restart chrony-undo.timer &&
        # One that went off a moment ago waits for our lock, and would go back as soon as we are done.
        { systemctl stop chrony-undo.service 2>/dev/null || true; }
}

disarm() {
    rm -f "$root/unconfirmed"
    [ -e "$undo.timer" ] || [ -e "$undo.service" ] || return 0
    systemctl stop chrony-undo.timer 2>/dev/null || true
    rm -f "$units/timers.target.wants/chrony-undo.timer" "$undo.timer" "$undo.service"
    # Where only ours was in it.
    rmdir "$units/timers.target.wants" 2>/dev/null || true
    systemctl daemon-reload
}

waiting() { # NAME
    sed -n "s/^$1=//p" "$root/unconfirmed" 2>/dev/null || true
}

# To what ran before; where that does not come up either, to what was there before the first deployment.
go_back() { # GENERATION or "before", GENERATION that is left
    if [ "$1" != before ]; then
        if [ "$1" != "$2" ] && activate "$1"; then
            record "$1" active "$2"
            return 0
        fi
        # systemd goes on to start ours: better than nothing at all.
        kept_time_before || return 1
    fi
    leave && record before active
}

# --- what can be asked for --------------------------------------------------------------------------------------------

usage() {
    sed -n 's/^#   //p' "$root/switch" >&2 2>/dev/null || true
    # shellcheck disable=SC2012 # for people
    echo "generations:" "$(ls "$root/generations" 2>/dev/null | tr '\n' ' ')" >&2
    exit 2
}

current() {
    name=$(readlink "$root/current" || true)
    echo "${name##*/}"
}

switch() { # GENERATION [SECONDS]
    previous=$(current)
    # What was never confirmed is nothing to go back to, nor to compare with.
    fallback=$(waiting fallback)
    fallback=${fallback:-${previous:-before}}
    if [ -e "$root/unconfirmed" ]; then
        tracking=$(waiting tracking) answered=$(waiting answered)
    else
        tracking=$(clock) answered=${CHRONY_PROVISION_ANSWERED-}
    fi
    remember
    # Nor is there a better one to go back to than one that was proven.
    if [ -n "$2" ] && [ "$1" != "$fallback" ]; then
        arm "$1" "$fallback" "$tracking" "$answered" "$2" || { disarm; return 1; }
    else
        disarm
    fi
    if activate "$1"; then
        record "$1" active "$previous"
        [ ! -e "$root/unconfirmed" ] || echo "restarts=$(property NRestarts chronyd.service)" >>"$root/unconfirmed" || true
        return
    fi
    words=$(reason)
    record "$1" failed "$previous"
    if go_back "$fallback" "$1"; then
        disarm
        echo "chronyd of generation $1 did not come up; $(now) again: $words" >&2
    else
        echo "chronyd of generation $1 did not come up, nor did what ran before: $words" >&2
    fi
    return 1
}

# Where nothing kept time, there is nothing better to go back to.
had_time() {
    if [ "$(waiting fallback)" = before ]; then
        kept_time_before
    else
        # chronyc was answered; the kernel may call a clock synchronised that nobody looks after any more.
        waiting tracking | grep -q ,
    fi
}

now() {
    name=$(current)
    echo "${name:-what was there before} runs"
}

is_waiting() { # GENERATION
    # Something else may wait that was never switched to, for the power was cut.
    if [ -z "$(waiting generation)" ] || [ "$1" != "$(current)" ]; then
        echo "$1 does not wait to be confirmed: $(now) (it was too late, or somebody else switched)" >&2
        return 1
    fi
}

# For who finds a switch that somebody else began: what is left of its time may not do for a proof.
wait_longer() { # GENERATION SECONDS
    is_waiting "$1" || return 1
    # As it waits: that, too, may be something else, to which to go back is to stay.
    arm "$(waiting generation)" "$(waiting fallback)" "$(waiting tracking)" "$(waiting answered)" "$2" "$(waiting restarts)"
}

confirm() { # GENERATION
    is_waiting "$1" || return 1
    if had_time && ! stays; then
        if [ "$(systemctl is-system-running 2>/dev/null)" = stopping ]; then
            echo "$1 was not confirmed: the host is shutting down" >&2
            return 1
        fi
        words=$(reason)
        back "$1" || { echo "chronyd of generation $1 did not stay up, nor did what ran before: $words" >&2; return 1; }
        echo "chronyd of generation $1 did not stay up; $(now) again: $words" >&2
        return 1
    fi
    disarm
    record "$1" confirmed
    # What was confirmed stays so, also after a power cut.
    settle
}

back() { # [GENERATION]
    generation=$(waiting generation)
    # The timer went off while somebody confirmed, or switched.
    if [ -n "$1" ] && [ "$1" != "$generation" ]; then return 0; fi
    if [ -z "$generation" ]; then
        disarm
        echo "nothing waits to be confirmed; say which generation: $root/switch GENERATION" >&2
        return 1
    fi
    record "$generation" not-confirmed
    go_back "$(waiting fallback)" "$generation" || return 1
    # Last: as long as the file is there, a reboot tries again.
    disarm
}

before() {
    # Cut off in between, the host tries once more by itself.
    name=$(current)
    arm "${name:-none}" before "" "" 60 || true
    leave || return 1
    disarm
    record before active
}

case ${1-} in
    --stop-others | --back | --before) ;;
    --confirm) [ -n "${2-}" ] || usage ;;
    --wait)
        [ -n "${2-}" ] || usage
        case ${3-} in "" | *[!0-9]*) usage ;; esac
        ;;
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
# Nor must an impatient Ctrl-C stop us half-way; nothing here takes long.
trap '' HUP INT PIPE TERM
# What a full disk has left half-written.
trap 'rm -rf "$root/current.new" "$root/unconfirmed.new" "$root/before.new" "$unit.new" "$undo".*.new || true' EXIT
case $1 in
    --stop-others)
        remember
        hold_others
        stop_others
        ;;
    --wait) wait_longer "$2" "$3" ;;
    --confirm) confirm "$2" ;;
    --back) back "${2-}" ;;
    --before) before ;;
    *) switch "$1" "${2-}" ;;
esac
