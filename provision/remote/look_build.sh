# shellcheck shell=sh
# Is the build at $1 finished and untouched? Prints its receipt and how its files compare with their digests.
[ -e "$1/receipt.json" ] || { echo missing; exit 0; }
cat "$1/receipt.json"
cd "$1" || exit 1
if sha256sum -c --status sha256sums; then echo intact; else echo damaged; fi
