# shellcheck shell=dash
# Print the folders of chronyd that are missing, or in which others could change its files, each on a line. systemd creates
# them, and sets owner and mode, when it starts the unit $1; purging a chrony package removes them while the daemon runs.
missing_folders() {
    local folder user
    user=$(sed -n 's/^User=//p' "$1")
    sed -n 's,^RuntimeDirectory=,/run/,p; s,^StateDirectory=,/var/lib/,p; s,^LogsDirectory=,/var/log/,p' "$1" |
        while read -r folder; do
            # In the folder in /run, chronyd itself looks after its socket. Without User=, chronyd starts as root.
            case $user:$folder:$(stat -Lc '%U %a' "$folder" 2>/dev/null) in
                *:*: | *:*:*[2367] | *:*:*[2367]?) echo "$folder" ;;
                :* | *:/run/* | "$user:$folder:$user "*) ;;
                *) echo "$folder" ;;
            esac
        done
}
