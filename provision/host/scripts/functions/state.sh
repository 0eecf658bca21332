# shellcheck shell=dash
# needs: ask_chronyc print_unconfirmed
# Show what the task status shows beside the answers of chronyc to "tracking", "sources", "authdata" and "ntpdata". No key
# material: of keys only ids. $1: our folder on the host, $2: chronyc. Fail only if chrony.conf cannot be read: a chronyd that
# does not answer is a state, too.
show_state() {
    local command
    echo "==> unconfirmed"
    print_unconfirmed "$1"
    echo "==> chrony.conf"
    cat "$1/current/chrony.conf" || return 1
    echo "==> key ids"
    # Ranges: a file may have 100,000 keys, and this tool sorts it by id.
    [ ! -e "$1/current/chrony.keys" ] || awk '
        $1 !~ /^[0-9]+$/ { next }
        n && $1 == last + 1 { last = $1; next }
        n { print first "-" last }
        { first = last = $1; n = 1 }
        END { if (n) print first "-" last }' "$1/current/chrony.keys"
    for command in serverstats sourcestats; do
        echo "==> $command"
        ask_chronyc 10 "$2" -c -n "$command" 2>&1 || true
    done
    # The same sources, by the names in chrony.conf.
    echo "==> names"
    ask_chronyc 10 "$2" -c -N sources 2>&1 || true
}
