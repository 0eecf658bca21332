# shellcheck shell=dash
# needs: print_tree
# Print "missing", or the content of the folder of a finished build ($1), its recorded digests, and the folder above it.
[ -e "$1/receipt.json" ] || { echo missing; exit 0; }
echo "==> tree"
stat -c '%F|%04a|%U:%G|%n' "${1%/*}"
tree "$1"
echo "==> sums"
cat "$1/sha256sums" 2>/dev/null
exit 0
