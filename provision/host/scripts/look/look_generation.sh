# shellcheck shell=dash
# needs: print_tree existing_files
# Print the content of a generation's folder ($1), the folder above it, and configuration and unit of the current generation
# ($2); without one, the unit of the administrator ($3), which a switch replaces, and the files of an installed chrony
# package in the format of print_existing.sh. No key material.
echo "==> generation"
if [ -d "$1" ]; then
    stat -c '%F|%04a|%U:%G|%n' "${1%/*}"
    tree "$1"
else
    echo missing
fi
for name in chrony.conf chronyd.service chronyd.socket nts.crt trusted.pem; do
    echo "==> $name"
    [ -f "$2/$name" ] && cat "$2/$name"
done
# Which keys of cookies there are: their ids, without the secrets. chronyd also reads lines with tabs, written by hand.
echo "==> ntskeys"
if [ -f "$2/ntskeys" ]; then sed -n '3,6s/^\([0-9A-F]\{8\}\)[[:blank:]].*/\1/p' "$2/ntskeys"; fi
if [ ! -e "$2/chronyd.service" ] && [ ! -L "$3" ] && [ -f "$3" ]; then
    echo "==> chronyd.service"
    cat "$3"
fi
echo "==> configuration of a package"
if [ ! -e "$2/chrony.conf" ] && [ -x /usr/sbin/chronyd ]; then
    # shellcheck disable=SC2034 # print_file reads it
    secrets=no
    printf 'service=chrony.service\nkind=chrony\n'
    for file in /etc/chrony/chrony.conf /etc/chrony.conf; do
        if [ ! -L "$file" ] && [ -f "$file" ]; then
            print_with_included "$file"
            break
        fi
    done
    echo finished
fi
exit 0
