# shellcheck shell=dash
# Print the last lines of chronyd's tracking.log, and of statistics.log or else measurements.log, thinned on the host.
# $1: our folder on the host. $2: the most lines that are read. $3: the most lines of a log that are printed.
# $4: the most bytes that are read.

# Of a long log, print the first and the last line, and of stretches of equal length the lines with the least and the
# largest value in these columns, so that no peak is lost. Each source has stretches of its own.
# $1: the file. $2: the most lines that are read. $3: the most lines that are printed. $4: the most bytes.
# $5: the columns. $6: the column of the source; 0: there is none.
print_log() {
    local file lines most bytes columns source
    file=$1 lines=$2 most=$3 bytes=$4 columns=$5 source=$6
    [ -f "$file" ] || return 0
    # The end of a file is found without the rest of it, which may be the log of years. Its first line may be cut.
    tail -c "$bytes" "$file" | tail -n "$lines" | LC_ALL=C awk -v most="$most" -v columns="$columns" -v source="$source" '
        BEGIN { width = split(columns, column, " ") }
        $1 ~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]$/ {
            line[++n] = $0
            name[n] = source ? $source : ""
            if (!(name[n] in count)) sources++
            place[n] = count[name[n]]++
        }
        END {
            if (n > most) {
                stretches = int((most - 2) / (2 * width * sources))
                if (stretches < 1) stretches = 1
                kept[1] = kept[n] = 1
                for (i = 1; i <= n; i++) {
                    split(line[i], word)
                    stretch = name[i] " " int(place[i] * stretches / count[name[i]])
                    for (c = 1; c <= width; c++) {
                        value = word[column[c]] + 0
                        key = stretch " " c
                        if (!(key in least) || value < least[key]) { least[key] = value; lowest[key] = i }
                        if (!(key in largest) || value > largest[key]) { largest[key] = value; highest[key] = i }
                    }
                }
                for (key in lowest) kept[lowest[key]] = kept[highest[key]] = 1
            }
            for (i = 1; i <= n; i++) if (n <= most || i in kept) print line[i]
        }'
}

folder=$(sed -n 's/^ *[lL][oO][gG][dD][iI][rR]  *//p' "$1/current/chrony.conf" 2>/dev/null | tail -n 1)
# chrony.conf(5), log: frequency, offset and largest error; the offset, behind the address of the source.
echo "==> tracking"
[ -z "$folder" ] || print_log "$folder/tracking.log" "$2" "$3" "$4" '5 7 14' 0
if [ -f "$folder/statistics.log" ]; then
    echo "==> statistics"
    print_log "$folder/statistics.log" "$2" "$3" "$4" 5 3
else
    echo "==> measurements"
    [ -z "$folder" ] || print_log "$folder/measurements.log" "$2" "$3" "$4" 12 3
fi
echo "==> finished"
