# shellcheck shell=dash
# needs: forget_record
# Add rules to the local firewall. $1: our folder on the host; then in turn the description of a rule, and the line of sh
# that adds it. A rule that existed before is not recorded as ours.
set -eu
made=$1/made
shift
mkdir -p "${made%/*}"
while [ $# -gt 0 ]; do
    line="firewall $1"
    new=
    if ! grep -sqxF "$line" "$made"; then
        # Record it before adding it, so that an interruption leaves no rule without a record.
        new=1
        echo "$line" >>"$made"
    fi
    status=0
    said=$(sh -c "$2" 2>&1) || status=$?
    echo "$said"
    case $status-$said in
        0-*Skipping* | 0-*ALREADY_ENABLED* | [!0]*) [ -z "$new" ] || forget "$made" "$line" ;;
    esac
    [ "$status" -eq 0 ] || exit "$status"
    shift 2
done
