# shellcheck shell=dash
# needs: remove_our_units
# Stop and remove some of our units, with their files. The arguments are those of remove_our_units.
set -u
status=0
remove_our_units "$@" || status=$?
systemctl daemon-reload || status=$?
exit $status
