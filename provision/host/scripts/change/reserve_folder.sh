# shellcheck shell=dash
# Empty the folder $1, and check that it has $2 megabytes of free space.
set -eu
find "$1" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
free=$(df -Pk "$1" | awk 'NR == 2 { print int($4 / 1024) }')
if [ "$free" -lt "$2" ]; then
    echo "no space left: ${1%/*/*} has $free MB free, a build needs $2 MB" >&2
    exit 1
fi
