# shellcheck shell=sh
# Run a script without privileges. $1: the folder to work in, which becomes the account's own, $2: the account, by name or
# by a number that need not have a name, $3: the script.
set -eu
uid=$2 gid=$2
case $2 in *[!0-9]*) uid=$(id -u "$2") gid=$(id -g "$2") ;; esac
cd "$1"
umask 022
# Nothing else of what the login has: with a CFLAGS of the host's, say, chrony's configure would leave out its hardening
# without a word, and what is built has to be the same wherever it is built.
set -- env -i HOME="$1" PATH="$PATH" LC_ALL=C sh -c "$3"
if [ "$(id -u)" = "$uid" ]; then
    exec "$@"
fi
chown -R "$uid:$gid" .
# Both leave us where we are: the account need not have access to the folders above.
if command -v setpriv >/dev/null 2>&1; then
    exec setpriv --reuid="$uid" --regid="$gid" --clear-groups --no-new-privs "$@"
fi
exec chroot --skip-chdir --userspec="+$uid:+$gid" --groups="" / "$@"
