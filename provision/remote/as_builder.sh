# shellcheck shell=sh
# Run a script without privileges. $1: the folder to work in, which becomes the account's own, $2: the account, by name or
# by a number that need not have a name, $3: the script.
set -eu
uid=$2 gid=$2
case $2 in *[!0-9]*) uid=$(id -u "$2") gid=$(id -g "$2") ;; esac
cd "$1"
HOME=$1 LC_ALL=C
export HOME LC_ALL
umask 022
if [ "$(id -u)" = "$uid" ]; then
    exec sh -c "$3"
fi
chown -R "$uid:$gid" .
# Both leave us where we are: the account need not have access to the folders above.
if command -v setpriv >/dev/null 2>&1; then
    exec setpriv --reuid="$uid" --regid="$gid" --clear-groups --no-new-privs sh -c "$3"
fi
exec chroot --skip-chdir --userspec="+$uid:+$gid" --groups="" / sh -c "$3"
