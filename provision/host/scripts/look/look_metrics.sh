# shellcheck shell=dash
# Print how a host writes metrics for node_exporter. $1: the path of our service, $2: of its timer, $3: of the script, $4: the
# file that it writes, $5: the link to that file, or nothing if no metrics are wanted.
#
#  foreign PATH     a unit that is not ours is in the place of ours
#  PATH SHA256      our service, timer or script
#  timer STATES     whether the timer starts at boot, and whether it is active
#  age SECONDS      since the file was written
#  link STATE       ours; missing; foreign; or no-folder: nobody reads such files here
set -eu
service=$1 timer=$2 script=$3 file=$4 link=$5
for path in "$service" "$timer"; do
    [ -e "$path" ] || [ -L "$path" ] || continue
    grep -qs '^# Managed by chrony-provision' "$path" || echo "foreign $path"
done
for path in "$service" "$timer" "$script"; do
    [ -f "$path" ] && [ ! -L "$path" ] || continue
    digest=$(sha256sum <"$path")
    echo "$path ${digest%% *}"
done
[ -n "$link" ] || exit 0
enabled=disabled
[ ! -L "${timer%/*}/timers.target.wants/${timer##*/}" ] || enabled=enabled
echo "timer $enabled $(systemctl is-active "${timer##*/}" || true)"
if [ -f "$file" ]; then echo "age $(($(date +%s) - $(stat -c %Y "$file")))"; fi
if [ "$(readlink "$link" || true)" = "$file" ]; then
    echo "link ours"
elif [ -e "$link" ] || [ -L "$link" ]; then
    echo "link foreign"
elif [ -d "${link%/*}" ]; then
    echo "link missing"
else
    echo "link no-folder"
fi
