# shellcheck shell=dash
# Print the times of the last change (ctime) of the files that chronyd reads at its start. Equal stamps mean that the files
# have not changed since. They are never compared with the clock, which chronyd may set. $1: our folder.
start_stamp() {
    (cd "$1/current" 2>/dev/null && TZ=UTC0 stat -c '%n %z' chrony.conf chrony.keys nts.crt nts.key ntskeys 2>/dev/null | tr '\n' ' ')
}
