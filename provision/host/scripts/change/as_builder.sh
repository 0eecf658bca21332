# shellcheck shell=dash
# needs: can_setpriv
# Run a script without privileges. $1: the working folder, which is given to the account, $2: the account, by name or by a
# number that need not have a name, $3: the script, $4: "own" for the supplementary groups of the account, which must then
# be a name; otherwise no groups.
set -eu
groups=
[ "${4:-none}" != own ] || groups=$(id -G "$2" | tr ' ' ,)
uid=$2 gid=$2
case $2 in *[!0-9]*) uid=$(id -u "$2") gid=$(id -g "$2") ;; esac
cd "$1"
umask 022
# A clean environment, for builds have to be the same on every host: if CFLAGS is set, for example, chrony's configure
# silently leaves out its hardening.
set -- env -i HOME="$1" PATH="$PATH" LC_ALL=C sh -c "$3"
if [ "$(id -u)" = "$uid" ]; then
    exec "$@"
fi
# -h: BusyBox would follow a symlink that the account has created.
chown -hR "$uid:$gid" .
# Neither changes the working folder, for the account need not have access to the folders above it.
if can_setpriv; then
    if [ -n "$groups" ]; then groups=--groups=$groups; else groups=--clear-groups; fi
    exec setpriv --reuid="$uid" --regid="$gid" "$groups" --no-new-privs "$@"
fi
exec chroot --skip-chdir --userspec="+$uid:+$gid" --groups="$groups" / "$@"
