# shellcheck shell=dash
# Install packages. $1 to $4 are sh: $1 succeeds if the package $1 is installed, $2 installs $@, $3 fetches the lists,
# $4 succeeds if a repository offers $1. $5: the advice if none does; then the packages.
set -u
# Scripts of packages expect this umask.
umask 022
# Messages about locks are parsed, so they have to be in English.
LC_ALL=C
export LC_ALL
exec 3>&1
query=$1 install=$2 refresh=$3 offers=$4 remedy=$5
shift 5

run() { # COMMAND PACKAGE…
    local command
    command=$1
    shift
    sh -c "$command" "$0" "$@"
}

# Print the seconds since boot, for the clock may be set meanwhile.
seconds() {
    local up
    read -r up _ </proc/uptime
    echo "${up%%.*}"
}

# Run a command, and repeat it for up to five minutes while another program, such as a timer's, holds a lock. Each manager
# has several locks and waits for some of them by itself: apt for dpkg's, but not for that of its lists.
patiently() { # COMMAND PACKAGE…
    local end told errors lock outcome
    end=$(($(seconds) + 300)) told=
    while :; do
        outcome=0
        errors=$(run "$@" 2>&1 >&3) || outcome=$?
        lock=$(printf '%s\n' "$errors" | grep -iE "$LOCKED" | head -n 1)
        if [ "$outcome" = 0 ] || [ -z "$lock" ] || [ "$(seconds)" -ge "$end" ]; then break; fi
        [ -n "$told" ] || echo "waiting up to 300 s for another program that installs packages: $lock"
        told=yes
        sleep 2
    done
    [ -z "$errors" ] || printf '%s\n' "$errors" >&2
    return "$outcome"
}
LOCKED='could not get lock|unable to lock|lock was locked|is locked by the application|transaction lock'

# The lists may be old or missing: fetch them if the installation fails.
patiently "$install \"\$@\"" "$@" && exit 0
patiently "$refresh" || exit
patiently "$install \"\$@\"" "$@" && exit 0
status=$?

nowhere=
for package; do
    run "$query" "$package" || run "$offers" "$package" >/dev/null 2>&1 || nowhere="$nowhere $package"
done
[ -z "$nowhere" ] || echo "no repository that is enabled has$nowhere: $remedy" >&2
exit "$status"
