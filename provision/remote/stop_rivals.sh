# shellcheck shell=sh
# Stop and mask time daemons. $1: the record of what they were, $2: the script that lists them.
set -eu
umask 022
mkdir -p "${1%/*}"
touch "$1"
sh -c "$2" | sort -u | while IFS='|' read -r unit load active enabled path; do
    [ "$unit" != chronyd.service ] || continue
    if [ "$load" != loaded ]; then
        case $active in inactive | failed | "") ;; *) systemctl stop "$unit" ;; esac
        continue
    fi
    # The first deployment's line is the one that tells what was there before.
    grep -q "^$unit " "$1" || echo "$unit $active ${enabled:-static}" >>"$1"
    case $path in
        /etc/*) systemctl disable --now "$unit" ;;
        *) systemctl mask --now "$unit" ;;
    esac
done
