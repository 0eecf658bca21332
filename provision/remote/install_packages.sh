# shellcheck shell=sh
# Install packages. $1: how to ask whether $1 is installed, $2: how to install $@, $3: how to fetch the lists,
# $4: how to ask whether a repository offers $1, $5: what to do where none does; then the packages.
set -u
# Scripts of packages count on it.
umask 022
query=$1 install=$2 refresh=$3 offers=$4 remedy=$5
shift 5

run() { # COMMAND PACKAGE…
    command=$1
    shift
    sh -c "$command" "$0" "$@"
}

# Lists that are old, or were never fetched, are fetched when the install fails.
run "$install \"\$@\"" "$@" && exit 0
run "$refresh" || exit
run "$install \"\$@\"" "$@" && exit 0
status=$?

nowhere=
for package; do
    run "$query" "$package" || run "$offers" "$package" >/dev/null 2>&1 || nowhere="$nowhere $package"
done
[ -z "$nowhere" ] || echo "no repository that is enabled has$nowhere: $remedy" >&2
exit "$status"
