# shellcheck shell=dash
# Print the configuration files of a time service, and those that they include. Format: see print_existing.sh. The caller
# assigns "secrets": "yes" to print keys with their secrets.
# shellcheck disable=SC2154
newline='
'
# Limits for a host with odd files: the size of a file, the size of all files, and their number.
most_bytes=65536
bytes_left=1000000
files_left=200

# Whether a file is its package's own and unchanged. An unknown package manager: it is not.
is_packaged() { # FILE
    local sum
    if [ -e /var/lib/dpkg/status ]; then
        sum=$(md5sum <"$1") || return 1
        sum=${sum%% *}
        # A conffile; a file of ucf(1), such as chrony.conf; any other file of a package, also where /lib is /usr/lib.
        grep -qsF " $1 $sum" /var/lib/dpkg/status || grep -qsxF "$sum  $1" /var/lib/ucf/hashfile ||
            grep -qsxF -e "$sum  ${1#/}" -e "$sum  usr$1" -e "$sum  ${1#/usr/}" /var/lib/dpkg/info/*.md5sums
    elif command -v rpm >/dev/null 2>&1; then
        timeout 20 rpm -qf "$1" >/dev/null 2>&1 || return 1
        # rpm(8), verify options: S size, 5 digest, ? could not be read.
        timeout 20 rpm -Vf --nodeps --noscripts "$1" 2>/dev/null | CHANGED="$1" awk '
            $NF == ENVIRON["CHANGED"] && $1 ~ /^(missing|.*[S5?].*)$/ { changed = 1 }
            END { exit changed }'
    else
        return 1
    fi
}

# Print id and type of each key in a key file, and four digits of a digest of its secret: Key.short_digest in
# provision/keys. The directive that names the file tells its format. Secrets are in no argument of a program.
print_keys() { # keyfile|keys, of chrony.conf or ntp.conf
    local id type secret digest
    LC_ALL=C awk -v directive="$1" '
        function in_hex(text,  digits, position, byte) {
            digits = ""
            for (position = 1; position <= length(text); position++) {
                byte = substr(text, position, 1)
                if (!(byte in hex)) return "-"
                digits = digits hex[byte]
            }
            return digits
        }
        function checked(digits) { return digits ~ /^([0-9A-Fa-f][0-9A-Fa-f])+$/ ? toupper(digits) : "-" }
        # chrony.conf(5), keyfile: text or hex digits with a prefix.
        function of_chrony(word) {
            if (word ~ /^HEX:/) return checked(substr(word, 5))
            sub(/^ASCII:/, "", word)
            return in_hex(word)
        }
        # libntp/authreadkeys.c: more than 20 characters are hex digits; a key of a cipher is filled up with zeros.
        function of_ntpd(word, type,  digits, most) {
            digits = length(word) > 20 ? checked(word) : in_hex(word)
            if (digits == "-" || type !~ /^AES/) return digits
            most = type ~ /256/ ? 64 : 32
            while (length(digits) < most) digits = digits "00"
            return substr(digits, 1, most)
        }
        BEGIN {
            for (number = 33; number < 127; number++) hex[sprintf("%c", number)] = sprintf("%02X", number)
            hashes = "M|S|A|N|MD[245]|SHA|SHA-?(1|224|256|384|512)|SHA3-(224|256|384|512)|RMD160|RIPEMD160|TIGER|WHIRLPOOL"
            types = "^(" hashes "|AES|AES-?(128|256)(-?CMAC)?)$"
        }
        $1 !~ /^[0-9]+$/ || NF < 2 { next }
        {
            id = $1
            sub(/^0+/, "", id)
            type = $2
            secret = $3
            # A line of two words has an MD5 key.
            if (NF == 2) { type = "MD5"; secret = $2 }
            # Any other word may be a secret.
            if (toupper(type) !~ types) { print id, "unknown", "-"; next }
            print id, type, directive == "keys" ? of_ntpd(secret, toupper(type)) : of_chrony(secret)
        }' | while read -r id type secret; do
        digest=
        if [ "$secret" != - ]; then digest=$(echo "chrony-provision $id $secret" | sha256sum 2>/dev/null) || digest=; fi
        echo ">$id $type ${digest%"${digest#????}"}"
    done
}

# Print a file with its kind: file, keys, unit or override.
# Reads: most_bytes secrets
# Sets: bytes_left files_left
print_file() { # KIND PATH [keyfile|keys]
    local size own
    [ -e "$2" ] || return 0
    case $2 in *"$newline"*) return 0 ;; esac
    size=$most_bytes
    if [ -f "$2" ]; then size=$(wc -c <"$2") || size=$most_bytes; fi
    if [ ! -f "$2" ] || [ ! -r "$2" ] || [ "$files_left" -le 0 ] || [ "$size" -gt "$most_bytes" ] || [ "$size" -gt "$bytes_left" ]; then
        echo "unread=$2"
        return 0
    fi
    files_left=$((files_left - 1))
    bytes_left=$((bytes_left - size))
    own=no
    if is_packaged "$2"; then own=yes; fi
    echo "$1=$2"
    echo "own=$own"
    # A file may grow meanwhile.
    if [ "$1$secrets" = keysno ]; then
        head -c "$most_bytes" "$2" | tr -d '\0\r' | print_keys "$3"
        return 0
    fi
    # The password of "crypto" is a secret of ntpd's private key.
    head -c "$most_bytes" "$2" | tr -d '\0\r' | awk -v kind="$1" '
        kind != "keys" && tolower($1) == "crypto" { print ">crypto"; next }
        { print ">" $0 }'
}

# Print the files that a pattern of glob(7) names, one a line.
expanded() { # PATTERN
    local path
    (
        # Blanks belong to the path.
        IFS=$newline
        # shellcheck disable=SC2086 # a pattern
        for path in $1; do [ ! -f "$path" ] || echo "$path"; done
    )
}

# Print the names and arguments of some directives of the configuration files of chronyd or ntpd.
directives_in() { # REGULAR EXPRESSION FILE
    tr -d '\0\r' <"$2" | awk -v names="^($1)\$" '
        tolower($1) !~ names || NF < 2 { next }
        {
            name = tolower($1)
            sub(/^[ \t\v\f]*[^ \t\v\f]+[ \t\v\f]+/, "")
            sub(/[ \t\v\f]+$/, "")
            if (name ~ /^(include|includefile|keys)$/) { sub(/[ \t]*#.*/, ""); gsub(/"/, "") }
            print name " " $0
        }'
}

# Print the files that a configuration file includes, one a line.
included() { # FILE
    local name rest folder
    directives_in 'include|includefile|confdir|sourcedir' "$1" | while read -r name rest; do
        case $name:$rest in
            include*:/*) ;;
            include*) rest=${1%/*}/$rest ;;
        esac
        case $name in
            includefile | include)
                if [ -d "$rest" ]; then expanded "$rest/*.conf"; else expanded "$rest"; fi
                ;;
            confdir)
                for folder in $rest; do expanded "$folder/*.conf"; done
                ;;
            sourcedir)
                for folder in $rest; do expanded "$folder/*.sources"; done
                ;;
        esac
    done
}

# Print files of chronyd or ntpd, all that they include, and their files of keys.
# Reads: files_left
print_with_included() { # FILES, one a line
    local queue seen path keys
    queue=$1 seen='' keys=''
    while [ -n "$queue" ]; do
        path=${queue%%"$newline"*}
        case $queue in *"$newline"*) queue=${queue#*"$newline"} ;; *) queue='' ;; esac
        case "$seen$newline" in *"$newline$path$newline"*) continue ;; esac
        seen="$seen$newline$path"
        [ -e "$path" ] || continue
        if [ "$files_left" -le 0 ]; then
            # It is named as unread, and stands for all others.
            print_file file "$path"
            break
        fi
        print_file file "$path"
        [ -f "$path" ] && [ -r "$path" ] || continue
        queue="$queue${queue:+$newline}$(included "$path")"
        queue=${queue#"$newline"}
        queue=${queue%"$newline"}
        keys="$keys$(directives_in 'keyfile|keys' "$path")$newline"
    done
    # Which of several files of keys counts depends on the order of reading.
    queue=$(printf '%s' "$keys" | awk 'NF && !seen[$0]++')
    while [ -n "$queue" ]; do
        keys=${queue%%"$newline"*}
        case $queue in *"$newline"*) queue=${queue#*"$newline"} ;; *) queue='' ;; esac
        print_file keys "${keys#* }" "${keys%% *}"
    done
}

# Print the files of systemd-timesyncd, timesyncd.conf(5): of equal names, that of the first folder counts.
print_timesyncd() {
    local folder name names
    for folder in /etc /run /usr/local/lib /usr/lib; do
        [ ! -e "$folder/systemd/timesyncd.conf" ] || { print_file file "$folder/systemd/timesyncd.conf"; break; }
    done
    names=$(for folder in /etc /run /usr/local/lib /usr/lib; do
        for name in "$folder"/systemd/timesyncd.conf.d/*.conf; do [ ! -e "$name" ] || echo "${name##*/}"; done
    done | sort -u)
    for name in $names; do
        for folder in /etc /run /usr/local/lib /usr/lib; do
            [ -e "$folder/systemd/timesyncd.conf.d/$name" ] || continue
            # A link to /dev/null removes the file.
            [ ! -f "$folder/systemd/timesyncd.conf.d/$name" ] || print_file file "$folder/systemd/timesyncd.conf.d/$name"
            break
        done
    done
    # It also asks the servers of a link: systemd.network(5), NTP=.
    for name in /etc/systemd/network/*.network /etc/systemd/network/*.network.d/*.conf; do
        if grep -qs '^[[:space:]]*NTP=.' "$name"; then print_file file "$name"; fi
    done
}
