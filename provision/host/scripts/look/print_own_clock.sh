# shellcheck shell=dash
# needs: ask_chronyc
# Print the line of "chronyc tracking" about a chronyd that this tool did not deploy; nothing if there is no chronyc.
program=$(command -v chronyc) || exit 0
ask_chronyc 5 "$program" -c -n tracking 2>/dev/null || exit 0
