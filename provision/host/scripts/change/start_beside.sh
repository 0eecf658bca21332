# shellcheck shell=dash
# Start a script that runs on when this command has ended, for await_beside.sh.
# $1: a new folder for its output and exit status, $2: the script.
set -eu
umask 077
mkdir "$1"
(
    # The end of this command must not end it: sudo with use_pty sends SIGHUP then.
    trap '' HUP
    outcome=0
    sh -c "$2" >"$1/stdout" 2>"$1/stderr" || outcome=$?
    echo "$outcome" >"$1/status.new"
    mv "$1/status.new" "$1/status"
) >/dev/null 2>&1 </dev/null &
echo "$!" >"$1/pid"
