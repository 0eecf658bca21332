# shellcheck shell=dash
# Print the files and links of ours that an uninstall has to remove. $1: our folder on the host, $2: our unit's path, then
# our links.
set -eu
root=$1 unit=$2
shift 2
if [ ! -L "$unit" ] && grep -qs '^Environment=CHRONY_GENERATION=' "$unit"; then echo "$unit"; fi
if grep -qs '^# Managed by chrony-provision' "${unit%.service}.socket"; then echo "${unit%.service}.socket"; fi
for path in "$root/current" "$root/before" "$root/unconfirmed" /etc/systemd/ntp-units.d/10-chrony-provision.list; do
    if [ -e "$path" ] || [ -L "$path" ]; then echo "$path"; fi
done
[ ! -e "$root/made" ] || sed -n 's/^firewall /opened: /p' "$root/made"
for link; do
    case $(readlink "$link" || true) in "$root"/*) echo "$link" ;; esac
done
