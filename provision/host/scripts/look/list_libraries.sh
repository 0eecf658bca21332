# shellcheck shell=dash
# needs: library_packages
# Print the libraries of a build, with their packages. To be run without privileges: ldd executes the loader that a program
# names.
# $1: the build's folder, $2: sh that prints the name of the package that owns the file $1.
set -eu
owners "$2" "$1/sbin/chronyd" "$1/bin/chronyc"
