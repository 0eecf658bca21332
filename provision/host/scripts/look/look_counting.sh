# shellcheck shell=dash
# Print "lost" and why, if the kernel does not count the answers for each key.
PATH=$PATH:/usr/sbin:/sbin
nft list chain inet chrony_provision_usage replies >/dev/null 2>&1 || echo "lost the kernel has no table of keys"
exit 0
