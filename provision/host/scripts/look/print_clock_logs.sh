# shellcheck shell=dash
# Print the last lines of chronyd's tracking.log, and of statistics.log or else measurements.log, thinned on the host.
# $1: our folder on the host. $2: the most lines that are read. $3: the most lines of a log that are printed.
# $4: the most bytes that are read.
print_log() {
    local file lines most bytes
    file=$1 lines=$2 most=$3 bytes=$4
    [ -f "$file" ] || return 0
    # The end of a file is found without the rest of it, which may be the log of years. Its first line may be cut.
    tail -c "$bytes" "$file" | tail -n "$lines" | awk -v most="$most" '
        $1 ~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]$/ { line[++n] = $0 }
        END {
            every = 1
            if (n > most) every = n / most
            for (i = 1; i <= n && i <= most; i++) print line[int(i * every)]
        }'
}

folder=$(sed -n 's/^ *[lL][oO][gG][dD][iI][rR]  *//p' "$1/current/chrony.conf" 2>/dev/null | tail -n 1)
sources=statistics
[ -f "$folder/statistics.log" ] || sources=measurements
for name in tracking "$sources"; do
    echo "==> $name"
    [ -z "$folder" ] || print_log "$folder/$name.log" "$2" "$3" "$4"
done
echo "==> finished"
