# shellcheck shell=dash
# Verify an uploaded artifact and unpack it into a new folder that belongs to root. $1: the file, $2: its sha256, $3: the
# folder.
set -eu
umask 022
# Copy it first: the login user could change the upload between the check and the use.
cp "$1" "$3.tar.gz"
echo "$2  $3.tar.gz" | sha256sum -c - >/dev/null 2>&1 || { echo "the uploaded artifact is damaged" >&2; exit 1; }
mkdir "$3"
tar -xzf "$3.tar.gz" --no-same-owner -C "$3"
chmod -R u=rwX,go=rX "$3"
rm "$3.tar.gz"
