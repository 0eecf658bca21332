# shellcheck shell=dash
# Find the mount options of a folder.

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
mount_options() { # FOLDER
    awk -v folder="$(nearest "$1")/" '
        { at = $5 == "/" ? "/" : $5 "/" }
        index(folder, at) == 1 && length(at) >= best { best = length(at); found = $6 "," $NF }
        END { print found }' /proc/self/mountinfo
}
