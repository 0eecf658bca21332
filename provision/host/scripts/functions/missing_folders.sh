# shellcheck shell=dash
# Print the missing folders of chronyd, each on a line. systemd creates them when it starts the unit $1; purging a chrony
# package removes them while the daemon runs.
missing_folders() {
    local folder
    sed -n 's,^RuntimeDirectory=,/run/,p; s,^StateDirectory=,/var/lib/,p; s,^LogsDirectory=,/var/log/,p' "$1" |
        while read -r folder; do [ -d "$folder" ] || echo "$folder"; done
}
