# shellcheck shell=sh
# Remove old generations, and the builds that none of the others needs. $1: our folder on the host, $2: how many stay.
# The current one and the one before it always do. While a switch waits to be confirmed, all do.
set -eu
root=$1 keep=$2
# Nobody switches meanwhile.
exec 9>>"$root/switch.lock"
flock 9
[ ! -e "$root/unconfirmed" ] || exit 0
[ "$keep" -ge 2 ] || keep=2
current=$(readlink "$root/current")
# The youngest first, each once: those that ran, and were not found bad since.
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
