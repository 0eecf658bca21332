# shellcheck shell=dash
# Print versions, libraries and supported key types of the binaries below $1. No key material: generated keys are not shown.
set -u
LC_ALL=C
export LC_ALL
echo "==> chronyd"
"$1/sbin/chronyd" --version 2>&1
echo "==> chronyc"
"$1/bin/chronyc" --version 2>&1
echo "==> ldd"
for binary in sbin/chronyd bin/chronyc; do
    # One by one, for musl's ldd handles only the first argument.
    ldd "$1/$binary" 2>&1
done
# AES999 is not a cipher: if keygen accepted it, its success with the others would prove nothing.
for type in AES128 AES256 AES999; do
    echo "==> keygen $type"
    "$1/bin/chronyc" keygen 1 "$type" 2>&1
done | sed 's/HEX:[0-9A-F]*/HEX:(not shown)/'
echo "==> end"
