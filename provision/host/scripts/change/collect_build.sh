# shellcheck shell=dash
# needs: as_nobody
# Copy the compiled files to a new folder that belongs to root.
# $1: the new folder, $2: the folder of the staged build, $3: configure's log, $4: the number of the account that compiled.
# The files are read as that account: root would follow a symlink to a file that the account may not read.
set -eu
new=$1 staged=$2 log=$3 builder=$4
umask 022
take() { # FILE NAME MODE
    mkdir -p "$new/${2%/*}"
    as_account "$builder" cat "$1" >"$new/$2"
    chmod "$3" "$new/$2"
}
mkdir "$new"
for program in sbin/chronyd bin/chronyc; do
    take "$staged/$program" "$program" 0755
done
for page in man1/chronyc.1 man5/chrony.conf.5 man8/chronyd.8; do
    take "$staged/share/man/$page" "share/man/$page" 0644
done
take "$log" ./configure.log 0644
