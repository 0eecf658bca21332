# shellcheck shell=dash
# Print the packages that are not installed, or "built".
# $1: the build's folder, or "", $2: sh that succeeds if the package $1 is installed, then the packages.
[ -n "$1" ] && [ -e "$1/receipt.json" ] && { echo built; exit 0; }
query=$2
shift 2
for package; do
    sh -c "$query" query "$package" || echo "$package"
done
