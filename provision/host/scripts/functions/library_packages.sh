# shellcheck shell=dash
# Find the packages of a program's libraries.

# Print "SONAME PACKAGE" for each library that the programs need, with "-" if no package has it.
# $1: sh that prints the name of the package that owns the file $1; then the programs.
owners() {
    local owner asked soname path package file
    owner=$1
    shift
    # ldd also shows the libraries of libraries, which their own packages require, and which may change with these.
    asked=$(LC_ALL=C objdump -p "$@" 2>/dev/null | awk '$1 == "NEEDED" { print $2 }')
    ldd "$@" | awk '$2 == "=>" && $3 ~ "^/" { print $1, $3 }' | LC_ALL=C sort -u | while read -r soname path; do
        # Without objdump, print all libraries.
        [ -z "$asked" ] || echo "$asked" | grep -qxF "$soname" || continue
        package=
        # The loader prints /lib even if that is a link to /usr/lib. dpkg knows a file only by its path in the package, which
        # differs by package and by release.
        for file in "$path" "/usr$path" "${path#/usr}" "$(readlink -f "$path")"; do
            package=$(sh -c "$owner" owner "$file" 2>/dev/null) && [ -n "$package" ] && break
            package=
        done
        # rpm prints the name once for each architecture.
        package=${package%%[[:space:]]*}
        echo "$soname ${package:--}"
    done
}
