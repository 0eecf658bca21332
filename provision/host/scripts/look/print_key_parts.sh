# shellcheck shell=dash
# Print a digest for each part of a key file, but no line of it. $1: the file, then the first id of each part.
# The file is sorted by id, as all files that this tool writes.
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
