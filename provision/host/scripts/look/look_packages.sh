# shellcheck shell=dash
# Print the packages that are not installed, or "built": a finished build needs none, unless a library of it was removed.
# $1: the build's folder, or "", $2: sh that succeeds if the package $1 is installed, then the packages.

# Succeed if the programs of a build find their libraries. One that was built for a test has no programs.
can_run() { # FOLDER
    local program
    for program in "$1/bin/chronyc" "$1/sbin/chronyd"; do
        [ ! -x "$program" ] || "$program" -v >/dev/null 2>&1 || return 1
    done
}

[ -n "$1" ] && [ -e "$1/receipt.json" ] && can_run "$1" && { echo built; exit 0; }
query=$2
shift 2
for package; do
    sh -c "$query" query "$package" || echo "$package"
done
