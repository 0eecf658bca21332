# shellcheck shell=sh
# Move a complete build to its place. $1: where it lies, on the same file system, $2: the build's folder.
set -eu
chown -R 0:0 "$1"
# Whatever the archive says: tar gives root's files its modes, not those of the umask.
chmod -R u=rwX,go=rX "$1"
mkdir -p "${2%/*}"
chmod 0755 "${2%/*}"
if [ -e "$2" ]; then
    # It has no good receipt, or we would not be here.
    mv "$2" "$2.broken.$$"
    rm -rf "$2.broken.$$"
fi
mv -T "$1" "$2"
