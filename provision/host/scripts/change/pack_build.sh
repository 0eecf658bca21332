# shellcheck shell=dash
# Pack a finished build for other hosts. $1: its folder, $2: the new file, $3: the id of the login user, who will read it.
set -eu
umask 077
tar -C "$1" -cf "$2" .
chown "$3" "$2"
