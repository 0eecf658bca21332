# shellcheck shell=sh
# A function for scripts that close doors of the local firewall: forget FILE LINE takes a line out of our record.
forget() {
    grep -vxF "$2" "$1" >"$1.new" || :
    mv "$1.new" "$1"
}
