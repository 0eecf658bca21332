# shellcheck shell=dash
# Print our folder, if it exists, and everything that we made outside of it. An empty folder that is a mount point, or behind
# a symlink, is the administrator's. $1: our folder.
set -eu
[ -e "$1" ] || exit 0
real=$(cd -P "$1" && pwd -P)
# stat(1): %m is the mount point.
if [ -L "$1" ] || [ "$(stat -c %m "$real")" = "$real" ]; then
    ours=$(find "$real" -mindepth 1 -maxdepth 1 ! -name lost+found)
    [ -n "$ours" ] || exit 0
fi
echo "$1"
[ ! -e "$1/made" ] || cat "$1/made"
