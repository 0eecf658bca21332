# shellcheck shell=dash
# Make the part of libnettle.a that chrony links: a third of its objects. The current folder is Nettle's, configured.
# The part follows from the sources: the names that chrony uses, the objects that define these, the names that these
# objects call, and so on. A name stands here without "nettle_", which Nettle's headers put before the names of its C code.

# Make libnettle.a and install it with its headers. $1: jobs, $2: the folder of chrony's sources.
# Make all of it if an object calls a name that no source defines.
make_libnettle() {
    local jobs objects
    jobs=$1
    make -pn libnettle.a 2>/dev/null | sed -n 's/^libnettle\.a: //p' | tr ' ' '\n' >all-objects
    defined_names <all-objects >definitions
    used_names "$2" >names
    : >needed-objects
    while [ -s names ]; do
        new_objects >new
        if ! [ -s new ]; then
            : >needed-objects
            break
        fi
        # shellcheck disable=SC2046 # a word for each object
        make -j "$jobs" $(cat new)
        cat new >>needed-objects
        # shellcheck disable=SC2046
        undefined_names $(cat needed-objects) >names
    done
    # The objects in the order of the whole archive, so that the programs get the same bytes.
    objects=$(grep -xFf needed-objects all-objects | tr '\n' ' ') || :
    make -j "$jobs" install-headers install-static install-pkgconfig ${objects:+"nettle_OBJS=$objects"}
}

# Print "NAME OBJECT" for each name that the source of an object defines. Input: the objects.
# In GNU's style of C, the name that a definition defines begins a line, or comes after "const TYPE".
defined_names() {
    local object source
    set --
    while read -r object; do
        for source in "${object%.*}.c" "${object%.*}.asm"; do
            [ ! -e "$source" ] || set -- "$@" "$source"
        done
    done
    awk '
        FNR == 1 {
            base = FILENAME
            sub(/\.[^.]*$/, "", base)
            # The assembler code for some processors, such as sha1-compress-2, takes its name from a file that it includes.
            name = base
            sub(/-[0-9]+$/, "", name)
            gsub(/-/, "_", name)
            print name, base ".o"
        }
        {
            name = $0
            sub(/^(PROLOGUE|DEFINE_FAT_FUNC)\(/, "", name)
            sub(/ *[],()=[].*/, "", name)
            if (name ~ /^const /) sub(/.*[ *]/, "", name)
            sub(/^_*(nettle_)?/, "", name)
            if (name ~ /^[a-z][a-z0-9_]*$/) print name, base ".o"
        }
    ' "$@"
}

# Print the names of Nettle that occur in chrony's sources, also in the programs that its configure compiles.
used_names() { # FOLDER
    sed -nE 's/^#define ([a-z0-9_]+) _*nettle_[a-z0-9_]+$/\1/p' ./*.h | sort -u >renamed
    cat "$1/configure" "$1"/*.[ch] | tr -cs 'A-Za-z0-9_' '\n' | sort -u >words
    grep -xFf renamed words || :
    sed -n 's/^nettle_//p' words
}

# Print the objects that define the names in ./names and are not yet in ./needed-objects.
# A name that no source defines is one with an ending, such as that for a processor: sha1_compress_sha_ni.
new_objects() {
    awk '
        FILENAME == "definitions" { objects[$1] = objects[$1] " " $2 }
        FILENAME == "needed-objects" { known[$1] }
        FILENAME == "names" {
            name = $1
            while (!(name in objects) && sub(/_[^_]*$/, "", name)) { }
            count = split(objects[name], found)
            for (i = 1; i <= count; i++) if (!(found[i] in known)) print found[i]
        }
    ' definitions needed-objects names | sort -u
}

# Print the names that objects call and none of them defines.
undefined_names() { # OBJECT...
    nm "$@" | awk '
        NF == 3 { defined[$3] }
        $1 == "U" && $2 ~ /^_*nettle_/ { called[$2] }
        END { for (name in called) if (!(name in defined)) { sub(/^_*nettle_/, "", name); print name } }
    '
}
