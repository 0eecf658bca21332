# shellcheck shell=dash
# needs: stop_units
# Stop some of our units, and remove them with their other files; a file without the line "Managed by" stays. Fail if one of the units still runs.
remove_our_units() { # UNITS with blanks between, THE FOLDER OF THEIR DATA or "", FILES...
    local names folder file runs
    names=$1 folder=$2 runs=0
    shift 2
    # shellcheck disable=SC2086 # words
    systemctl -q disable $names || true
    # shellcheck disable=SC2086 # words
    stop_units $names || runs=1
    for file; do
        if [ ! -L "$file" ] && grep -qs '^# Managed by chrony-provision' "$file"; then rm -f "$file"; fi
    done
    [ -z "$folder" ] || rm -rf "$folder"
    return $runs
}
