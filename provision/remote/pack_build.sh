# shellcheck shell=sh
# Pack a finished build for others. $1: its folder, $2: the new file, $3: the login user's id, who is to read it.
set -eu
umask 077
tar -C "$1" -cf "$2" .
chown "$3" "$2"
