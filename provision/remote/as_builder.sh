# shellcheck shell=sh
# Run a script as the builder, without privileges. $1: folder, $2: builder's id, $3: the script.
set -eu
cd "$1"
HOME=$1 LC_ALL=C
export HOME LC_ALL
umask 022
if [ "$(id -u)" = "$2" ]; then
    exec sh -c "$3"
fi
chown -R "$2" .
if command -v setpriv >/dev/null 2>&1; then
    exec setpriv --reuid="$2" --regid="$2" --clear-groups --no-new-privs sh -c "$3"
fi
exec chroot --userspec="+$2:+$2" --groups="" / sh -c "cd '$1' && $3"
