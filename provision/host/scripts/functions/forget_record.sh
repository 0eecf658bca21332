# shellcheck shell=dash
# Remove a line from our record of firewall rules.
forget() { # FILE LINE
    grep -vxF "$2" "$1" >"$1.new" || :
    mv "$1.new" "$1"
}
