# shellcheck shell=dash
# Print the records that uninstall needs. $1: our folder on the host.
#
#  packages NAME...     packages that were installed for a build
#  service NAME         a service that kept time before the first deployment
set -eu
sed -n '/^packages /p' "$1/made" 2>/dev/null || true
sed -n 's/^\([^ ]*\) active .*/service \1/p' "$1/before/services" 2>/dev/null || true
# If this name was an alias, as on Debian, its service is in the list above.
if [ ! -L "$1/before/chronyd.service" ] && grep -qsx active "$1/before/active"; then echo "service chronyd.service"; fi
