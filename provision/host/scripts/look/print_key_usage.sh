# shellcheck shell=dash
# Print the counts of answers for each key (key_usage.sh), or "unknown" and why there are none; then "finished".
# "now SECONDS" is the clock of the host.
# $1: our folder on the host, $2: "addresses" if those of the clients are wanted, or "".
set -u
PATH=$PATH:/usr/sbin:/sbin
if [ ! -x "$1/key-usage" ]; then
    echo "unknown nothing counts on this host; set keys.usage = true in the site, and deploy it"
elif ! command -v nft >/dev/null 2>&1; then
    echo "unknown there is no nftables on this host"
elif ! nft list chain inet chrony_provision_usage replies >/dev/null 2>&1; then
    echo "unknown the kernel has no table of keys; inv deploy loads it"
else
    if [ "$2" = addresses ]; then
        "$1/key-usage" print-addresses 2>/dev/null || echo "no addresses"
    fi
    echo "now $(date +%s)"
    "$1/key-usage" print || echo "unknown nft does not print the table as JSON, in the form that is read"
fi
echo finished
