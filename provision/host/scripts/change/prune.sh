# shellcheck shell=dash
# Remove old generations, and the builds that no other generation needs. $1: our folder on the host, $2: the number of
# generations that stay. The current and the previous one always stay, and all while a switch waits to be confirmed.
set -eu
root=$1 keep=$2
# Take the lock of switch (see take_lock there). If it is busy, old generations are removed after the next switch.
(umask 077 && mkdir -p "$root/locks" && : >>"$root/locks/switch")
exec 9>>"$root/locks/switch"
flock -w 60 9 || exit 0
[ ! -e "$root/unconfirmed" ] || exit 0
[ "$keep" -ge 2 ] || keep=2
current=$(readlink "$root/current")
# The latest first, each once: the generations that ran and have not failed since.
stay=$(
    {
        echo "${current##*/}"
        awk '
            $4 == "active" || $4 == "confirmed" { good[$3] = 1; line[++count] = $3; next }
            { delete good[$3] }
            END { for (; count > 0; count--) if (line[count] in good) print line[count] }' "$root/history"
    } | awk -v keep="$keep" '!seen[$1]++ && ++count <= keep'
)
for folder in "$root"/generations/*; do
    echo "$stay" | grep -qxF "${folder##*/}" || rm -rf "$folder"
done
needed=$(for link in "$root"/generations/*/build; do basename "$(readlink "$link")"; done)
for folder in "$root"/builds/*; do
    echo "$needed" | grep -qxF "${folder##*/}" || rm -rf "$folder"
done
