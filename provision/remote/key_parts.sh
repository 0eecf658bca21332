# shellcheck shell=sh
# Print a digest for each part of a key file, of which no line is shown. $1: the file, then the ids with which parts begin.
# It is sorted by id, as we write it.
set -eu
file=$1
shift
[ -e "$file" ] || exit 0
LC_ALL=C awk -v firsts="$*" '
    BEGIN { n = split(firsts, first, " ") }
    {
        while (i < n && $1 + 0 >= first[i + 1] + 0) {
            if (i) close(digest)
            digest = "printf \"%s \" " first[++i] "; sha256sum"
        }
        if (i) print | digest
    }' "$file"
