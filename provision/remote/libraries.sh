# shellcheck shell=sh
# A function that tells from which packages a program has its libraries.

# Print "SONAME PACKAGE" for each library that the programs ask for, "-" for one that no package has.
# $1: sh that prints the name of the package that owns the file $1; then the programs.
owners() {
    owner=$1
    shift
    # ldd shows what the libraries need in turn, too. That is for their packages to know, and may change with them.
    asked=$(LC_ALL=C objdump -p "$@" 2>/dev/null | awk '$1 == "NEEDED" { print $2 }')
    ldd "$@" | awk '$2 == "=>" && $3 ~ "^/" { print $1, $3 }' | LC_ALL=C sort -u | while read -r soname path; do
        # Without objdump, all of them.
        [ -z "$asked" ] || echo "$asked" | grep -qxF "$soname" || continue
        package=
        # The loader says /lib also where that is a link to /usr/lib. dpkg knows a file by one of the two names only:
        # the one that was in its package, which differs by package and by release.
        for file in "$path" "/usr$path" "${path#/usr}" "$(readlink -f "$path")"; do
            package=$(sh -c "$owner" owner "$file" 2>/dev/null) && [ -n "$package" ] && break
            package=
        done
        # rpm names it once for each architecture.
        package=${package%%[[:space:]]*}
        echo "$soname ${package:--}"
    done
}
