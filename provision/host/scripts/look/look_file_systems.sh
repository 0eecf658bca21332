# shellcheck shell=dash
# Print the facts that decide whether a build and a unit can be installed on this host, as "name value" lines: mount options
# of the folders, free megabytes, and the current generation.
# $1: our folder, $2: the build's folder, $3: the folder of units.
set -u

# Print the resolved path of a folder, or of the nearest existing one above it.
nearest() { # FOLDER
    local folder
    folder=$1
    until [ -d "$folder" ]; do
        folder=${folder%/*}
        folder=${folder:-/}
    done
    (cd -P "$folder" && pwd -P)
}

# Print the mount options of a folder. proc(5), mountinfo: field 5 is the mount point, field 6 has its options, the last
# field those of the file system. Of several mounts at one point, the last one is on top.
options() { # FOLDER
    awk -v folder="$(nearest "$1")/" '
        { at = $5 == "/" ? "/" : $5 "/" }
        index(folder, at) == 1 && length(at) >= best { best = length(at); found = $6 "," $NF }
        END { print found }' /proc/self/mountinfo
}

[ ! -e "$2/receipt.json" ] || echo "built yes"
echo "builds $(options "$1/builds")"
echo "work $(options "$1/work")"
echo "units $(options "$3")"
echo "free $(df -Pk "$(nearest "$1/work")" | awk 'NR == 2 { print int($4 / 1024) }')"
echo "current $(readlink "$1/current")"
