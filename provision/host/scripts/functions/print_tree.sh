# shellcheck shell=dash
# Print type, mode, owner and digest of each path and of everything below it. integrity.parse_tree reads the output.
tree() { # PATH ...
    local newline point path
    newline='
'
    # A name with a newline in it could look like a line of this output.
    find "$@" -path "*$newline*" 2>/dev/null | head -n 1 | sed 's/.*/strange name/'
    find "$@" ! -path "*$newline*" -exec stat -c '%F|%04a|%U:%G|%n' {} + 2>/dev/null
    find "$@" -type l ! -path "*$newline*" -exec sh -c 'for link; do echo "-> $(readlink "$link")  $link"; done' sh {} + \
        2>/dev/null
    # No file of ours has 64 MB; a huge or endless file would take for ever.
    find "$@" -type f -size -131072 ! -path "*$newline*" -exec sha256sum {} + 2>/dev/null
    while read -r _ point _; do
        for path; do
            case $point in "$path" | "$path"/*) echo "mounted|$point" ;; esac
        done
    done </proc/self/mounts
    # Mode and owner do not include capabilities and access control lists. GNU tar shows a "*" or "+" for them.
    set -- --acls --xattrs --xattrs-include=security.capability "$@"
    if tar "$1" "$2" "$3" -cf - -T /dev/null >/dev/null 2>&1; then
        shift 3
        find "$@" \( ! -type f -o -size -131072 \) ! -path "*$newline*" \
            -exec tar --acls --xattrs --xattrs-include=security.capability -P --no-recursion -cf - {} + 2>/dev/null |
            tar --acls --xattrs --xattrs-include=security.capability -P -tvf - 2>/dev/null | grep '^..........[*+]'
    fi
    return 0
}
