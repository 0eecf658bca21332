# shellcheck shell=dash
# needs: query_nts
# Run a script that resolves some names by a line of its own, before those of /etc/hosts. $1: a path for the file, which does not
# exist yet, $2: the line, $3: the script.
set -u
{ echo "$2"; cat /etc/hosts 2>/dev/null; } >"$1" || exit 1
chmod 0644 "$1"
(with_hosts "$1" sh -c "$3")
