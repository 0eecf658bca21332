# shellcheck shell=sh
# Make a private folder for a build and print "FOLDER UID". $1: where, $2: the login user's id, $3: megabytes needed.
# The builder is the login user or, for root, an id that belongs to nobody, as systemd picks one for DynamicUser=.
set -eu
base=$1 login=$2 needed=$3
umask 022
mkdir -p "$base"

# What a run left that was cut off more than a day ago.
find "$base" -mindepth 1 -maxdepth 1 -type d -mtime +0 -exec rm -rf {} +

free=$(df -Pk "$base" | awk 'NR == 2 { print int($4 / 1024) }')
if [ "$free" -lt "$needed" ]; then
    echo "no space left: $base has $free MB free, a build needs $needed MB" >&2
    exit 1
fi

builder=$login
while [ "$builder" = 0 ]; do
    # 61184 to 65519 is the range that systemd.io/UIDS-GIDS sets apart for this.
    builder=$((61184 + $(od -An -N2 -tu2 /dev/urandom) % 4336))
    if getent passwd "$builder" >/dev/null 2>&1; then builder=0; fi
done
folder=$(mktemp -d "$base/XXXXXXXX")
chown "$builder" "$folder"
echo "$folder $builder"
