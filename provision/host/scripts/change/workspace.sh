# shellcheck shell=dash
# needs: as_nobody
# Lock the host for one run and keep a private folder for it, as long as the control machine is connected; then end the
# processes in the folder and remove it. The control machine sends a byte to standard input now and then, as a sign of life.
# $1: our folder on the host, $2: the name of the operator, $3: the login user's id, $4: seconds to wait for another run,
# $5: seconds without a sign of life after which the control machine counts as gone, for example after a power failure,
# $6: the folder /run.
# Prints "busy WHO" if another run holds the lock, and "FOLDER BUILDER". Exit status 75 (EX_TEMPFAIL): another run held it.
set -eu
root=$1 who=$2 login=$3 patience=$4 silence=$5 run=$6
umask 022
for tool in flock timeout; do
    command -v "$tool" >/dev/null 2>&1 && continue
    echo "there is no $tool here; install util-linux and coreutils" >&2
    exit 69
done
mkdir -p "$root/work"
# Our folder may be behind a symlink, as /opt is if /usr is read-only; the kernel has the resolved path.
work=$(cd -P "$root/work" && pwd -P)
namespace=$(readlink /proc/self/ns/mnt)
# flock(2) needs no write permission: every user who can open a file can hold its lock. Only root can enter this folder.
lock=$root/locks/host
(umask 077 && mkdir -p "$root/locks" && : >>"$lock")
# An administrator with a strict umask may have created our folder; the builder and chronyd have to enter it.
chmod 0755 "$root"

# Print the processes whose working directory is below $1. A container may have a folder with the same path: a process of
# another mount namespace is one of ours only if the path leads to the same folder from here (as with pam_namespace(8), which
# gives each login its own namespace).
workers() { # FOLDER
    local pid cwd
    # shellcheck disable=SC2012 # find -lname is not everywhere
    ls -l /proc/[0-9]*/cwd 2>/dev/null | sed -n "s|^.* /proc/\([0-9]*\)/cwd -> \($1/.*\)|\1 \2|p" |
        while read -r pid cwd; do
            if [ "$(readlink "/proc/$pid/ns/mnt")" = "$namespace" ] || [ "/proc/$pid/cwd" -ef "$cwd" ]; then
                echo "$pid"
            fi
        done
}

# End the processes in the folders of all runs, and remove the folders.
tidy() {
    local signal tries
    # Several times, for a process may just have started another one.
    for signal in TERM TERM TERM TERM TERM KILL KILL KILL; do
        # shellcheck disable=SC2046 # one word for each process
        set -- $(workers "$work")
        [ $# -gt 0 ] || break
        kill -s "$signal" "$@" 2>/dev/null || true
        sleep 0.1
    done
    # This includes folders of runs that were killed together with their guard.
    tries=50
    while [ -d "$work" ] && ! find "$work" -mindepth 1 -maxdepth 1 -exec rm -rf {} + 2>/dev/null && [ "$tries" -gt 0 ]; do
        # A process may have written another file at its end; or the disk may be read-only for a moment.
        tries=$((tries - 1))
        sleep 0.2
    done
    # A rehearsal that was killed leaves copies of a private key here (with_credentials.sh).
    rm -rf "$run"/chrony-rehearsal-* || true
    [ ! -e "$lock" ] || : >"$lock"
}

exec 9>>"$lock"
if ! flock -n 9; then
    echo "busy $(cat "$lock")"
    [ "$patience" -gt 0 ] && flock -w "$patience" 9 || exit 75
fi
tidy
trap tidy EXIT
trap 'exit 1' HUP INT TERM PIPE
echo "$who since $(date -u '+%Y-%m-%d %H:%M:%S') UTC" >"$lock"
# Earlier versions had their locks here, where every user could open them.
rm -f "$root/lock" "$root/switch.lock"

folder=$(mktemp -d "$work/XXXXXXXX")
chmod 0711 "$folder"
# A folder of the login user for uploads, because uploads are made without sudo.
mkdir -m 0700 "$folder/uploads"
chown "$login" "$folder/uploads"

# The builder is the login user or, for root, an unused id like those that systemd chooses for DynamicUser=.
builder=$login
[ "$builder" != 0 ] || builder=$(free_id)
mkdir -m 0700 "$folder/build"
chown "$builder" "$folder/build"

echo "$folder $builder"
while [ "$(timeout "$silence" dd bs=1 count=1 2>/dev/null | wc -c)" -eq 1 ]; do :; done
