# shellcheck shell=dash
# needs: conflicting_services missing_folders
# Print the other time services of this host, and the missing folders of chronyd. $1: our folder.
root=$1
echo "==> time services"
look_around && classify
echo "==> missing folders"
missing_folders "$root/current/chronyd.service"
