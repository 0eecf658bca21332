# shellcheck shell=dash
# Print properties of a process as "name=value" lines. $1: its id. Of its environment, only names are printed.
echo "command=$(tr '\0' ' ' <"/proc/$1/cmdline")"
echo "user=$(stat -c %U "/proc/$1")"
awk '/^(NoNewPrivs|Seccomp|CapEff|CapBnd|VmLck):/ { sub(":", "", $1); print $1 "=" $2 }' "/proc/$1/status"
# proc(5), /proc/PID/stat: the 41st field is the scheduling policy. The 2nd, a name in parentheses, may contain blanks.
sed 's/.*) //' "/proc/$1/stat" | awk '{ print "policy=" $39 }'
# proc(5), /proc/PID/mountinfo: the 6th field has the options of a mount; the last mount at a path is on top.
awk '$5 == "/" { options = $6 } END { print "root=" options }' "/proc/$1/mountinfo"
echo "variables=$(tr '\0' '\n' <"/proc/$1/environ" | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p' | tr '\n' ' ')"
