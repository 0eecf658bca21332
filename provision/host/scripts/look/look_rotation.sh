# shellcheck shell=dash
# Print how the log files in a folder are rotated. $1: the path of our file for logrotate, $2: the folder.
#
#  logrotate        logrotate is installed
#  other FILE       another file rotates the logs
#  stale FILE       that file calls a chronyc that does not exist
#  ours SHA256      our file exists
#  foreign FILE     a file that is not ours is in its place
set -eu
PATH=$PATH:/usr/sbin:/sbin
ours=$1 folder=$2
if command -v logrotate >/dev/null 2>&1; then echo logrotate; fi
for file in /etc/logrotate.conf "${ours%/*}"/*; do
    # logrotate does not read files with these suffixes (logrotate.conf(5), tabooext).
    case $file in "$ours" | *~ | *.dpkg-* | *.rpmorig | *.rpmsave | *.rpmnew | *.disabled | *.bak) continue ;; esac
    grep -qs "^[^#]*$folder/" "$file" || continue
    echo "other $file"
    if [ ! -x /usr/bin/chronyc ] && grep -q '^[^#]*/usr/bin/chronyc' "$file"; then echo "stale $file"; fi
done
if [ ! -L "$ours" ] && grep -qs '^# Managed by chrony-provision' "$ours"; then
    digest=$(sha256sum <"$ours")
    echo "ours ${digest%% *}"
elif [ -e "$ours" ] || [ -L "$ours" ]; then
    echo "foreign $ours"
fi
