# shellcheck shell=sh
# Print what a generation's folder holds ($1), and configuration and unit of the current one ($2). No key material.
echo "==> generation"
if [ -d "$1" ]; then
    echo "build $(readlink "$1/build")"
    # One call for all: "digest  name" of each that is there.
    (cd "$1" && sha256sum chrony.conf chrony.keys chronyd.service 2>/dev/null)
    [ -f "$1/chrony.keys" ] && stat -c 'chrony.keys %04a %U:%G' "$1/chrony.keys"
else
    echo missing
fi
for name in chrony.conf chronyd.service; do
    echo "==> $name"
    [ -f "$2/$name" ] && cat "$2/$name"
done
exit 0
