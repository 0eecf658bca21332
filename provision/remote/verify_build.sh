# shellcheck shell=sh
# Print what the binaries below $1 say of themselves. No key material: a generated key is thrown away.
set -u
LC_ALL=C
export LC_ALL
echo "==> chronyd"
"$1/sbin/chronyd" --version 2>&1
echo "==> chronyc"
"$1/bin/chronyc" --version 2>&1
echo "==> ldd"
for binary in sbin/chronyd bin/chronyc; do
    # One by one: musl's looks at the first alone.
    ldd "$1/$binary" 2>&1
done
# AES999 is no cipher: a keygen that accepts it would prove nothing about the others.
for type in AES128 AES256 AES999; do
    echo "==> keygen $type"
    "$1/bin/chronyc" keygen 1 "$type" 2>&1
done | sed 's/HEX:[0-9A-F]*/HEX:(not shown)/'
echo "==> end"
