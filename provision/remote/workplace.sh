# shellcheck shell=sh
# Keep a private folder for one run, and everybody else out, for as long as the control machine is there; then end what
# still works in the folder, and remove it. Standard input is the control machine's sign of life: a byte now and then.
# $1: our folder on the host, $2: who works, $3: the login user's id, $4: seconds to wait for somebody else to end,
# $5: seconds without a sign of life after which the control machine is gone (one that lost its power says no goodbye).
# Prints "busy WHO", if it must wait, and "FOLDER BUILDER". Exit status 75 (EX_TEMPFAIL): somebody else was at work.
set -eu
root=$1 who=$2 login=$3 patience=$4 silence=$5
umask 022
for tool in flock timeout; do
    command -v "$tool" >/dev/null 2>&1 && continue
    echo "there is no $tool here; install util-linux and coreutils" >&2
    exit 69
done
mkdir -p "$root/work"
# A folder behind a link, as /opt is where /usr is read-only: the kernel knows it by its own path.
work=$(cd -P "$root/work" && pwd -P)

workers() { # those whose working directory lies below $1
    # shellcheck disable=SC2012 # find -lname is not everywhere
    ls -l /proc/[0-9]*/cwd 2>/dev/null | sed -n "s|^.* /proc/\([0-9]*\)/cwd -> $1/.*|\1|p"
}

tidy() {
    # A process that is told to end may just have started another one: ask again.
    for signal in TERM TERM TERM TERM TERM KILL KILL KILL; do
        # shellcheck disable=SC2046 # one word for each process
        set -- $(workers "$work")
        [ $# -gt 0 ] || break
        kill -s "$signal" "$@" 2>/dev/null || true
        sleep 0.1
    done
    # Nothing else lies here: folders of runs that were killed together with their guard.
    tries=20
    while [ -d "$work" ] && ! find "$work" -mindepth 1 -maxdepth 1 -exec rm -rf {} + 2>/dev/null && [ "$tries" -gt 0 ]; do
        # What was just ended may have written a last file.
        tries=$((tries - 1))
        sleep 0.2
    done
    [ ! -e "$root/lock" ] || : >"$root/lock"
}

exec 9>>"$root/lock"
if ! flock -n 9; then
    echo "busy $(cat "$root/lock")"
    [ "$patience" -gt 0 ] && flock -w "$patience" 9 || exit 75
fi
tidy
trap tidy EXIT
trap 'exit 1' HUP INT TERM PIPE
echo "$who since $(date -u '+%Y-%m-%d %H:%M:%S') UTC" >"$root/lock"

folder=$(mktemp -d "$work/XXXXXXXX")
chmod 0711 "$folder"
# For uploads: SFTP has no sudo.
mkdir -m 0700 "$folder/uploads"
chown "$login" "$folder/uploads"

# The builder is the login user or, for root, an id that belongs to nobody, as systemd picks one for DynamicUser=.
builder=$login
while [ "$builder" = 0 ]; do
    # 61184 to 65519 is the range that systemd.io/UIDS-GIDS sets apart for this.
    builder=$((61184 + $(od -An -N2 -tu2 /dev/urandom) % 4336))
    if getent passwd "$builder" >/dev/null 2>&1; then builder=0; fi
done
mkdir -m 0700 "$folder/build"
chown "$builder" "$folder/build"

echo "$folder $builder"
while [ "$(timeout "$silence" dd bs=1 count=1 2>/dev/null | wc -c)" -eq 1 ]; do :; done
