# shellcheck shell=dash
# Stop some of our units, and remove them with their other files; a file without the line "Managed by" stays. Fail if one of the units still runs.
remove_our_units() { # UNITS with blanks between, THE FOLDER OF THEIR DATA or "", FILES...
    local names folder name file last_first runs
    names=$1 folder=$2 last_first='' runs=0
    shift 2
    # shellcheck disable=SC2086 # words
    systemctl -q disable $names || true
    # The last one first: a timer would start its service again.
    for name in $names; do last_first="$name $last_first"; done
    for name in $last_first; do
        # To stop a unit that is not there is an error, too.
        systemctl stop "$name" || ! systemctl -q is-active "$name" || runs=1
    done
    for file; do
        if [ ! -L "$file" ] && grep -qs '^# Managed by chrony-provision' "$file"; then rm -f "$file"; fi
    done
    [ -z "$folder" ] || rm -rf "$folder"
    return $runs
}
