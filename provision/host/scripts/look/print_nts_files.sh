# shellcheck shell=dash
# needs: nts_files
# Print the certificates in a file of the host, and no key. $1: the file, $2: the file of the key.
echo "==> key"
if [ -s "$2" ]; then echo there; else echo missing; fi
echo "==> chain"
print_chain "$1"
exit 0
