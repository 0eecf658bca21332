# shellcheck shell=dash
# Wait for the end of the script that start_beside.sh has started; print its output, and exit as it did. $1: the folder.
set -eu
read -r pid <"$1/pid"
while [ ! -e "$1/status" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
cat "$1/stdout"
cat "$1/stderr" >&2
if ! read -r outcome <"$1/status"; then
    echo "it was ended before it had finished" >&2
    exit 1
fi
rm -r "$1"
exit "$outcome"
