# shellcheck shell=dash
# needs: mount_options
# Print the facts that decide whether a build and a unit can be installed on this host, as "name value" lines: mount options
# of the folders, free megabytes, and the current generation.
# $1: our folder, $2: the build's folder, $3: the folder of units.
set -u

[ ! -e "$2/receipt.json" ] || echo "built yes"
echo "builds $(mount_options "$1/builds")"
echo "work $(mount_options "$1/work")"
echo "units $(mount_options "$3")"
echo "free $(df -Pk "$(nearest "$1/work")" | awk 'NR == 2 { print int($4 / 1024) }')"
echo "current $(readlink "$1/current")"
