# shellcheck shell=dash
# needs: replace_folder
# Move a complete build to its final folder. $1: its folder, on the same file system, $2: the build's folder.
set -eu
chown -R 0:0 "$1"
# For root, tar sets the modes in the archive instead of those of the umask.
chmod -R u=rwX,go=rX "$1"
mkdir -p "${2%/*}"
replace_folder "$1" "$2"
