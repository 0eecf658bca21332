# shellcheck shell=sh
# Print the links that are to be made: nothing is there, or a link of ours that leads elsewhere. Those whose place cannot
# be written to, as where /usr is read-only, are not. $1: our folder, then link and target in turn.
set -eu
root=$1
shift
while [ $# -gt 0 ]; do
    there=$(readlink "$1" || true)
    case $there in
        "$2") ;;
        "$root"/*) ! can_write "$1" || echo "$1" ;;
        *) if [ ! -e "$1" ] && [ ! -L "$1" ] && can_write "$1"; then echo "$1"; fi ;;
    esac
    shift 2
done
