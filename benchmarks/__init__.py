"""This tool beside the guide, Ansible and pyinfra: the same work, on fresh booted hosts, in one run.

run.py         the order of things: ``python -m benchmarks.run``, or ``inv bench``
contenders.py  who does the work, and how it is started
hosts.py       a fresh host for each, and the way to it
clocked.py     ``inv`` with its remote commands timed
figures.py     what was measured, and the table
fleet.py       many hosts at once: ``python -m benchmarks.fleet``, or ``inv bench --hosts``
booted_fleet.py  the hosts of that, and the operator whom they let in
fleet_peers.py   the others, on as many hosts
delayed.py     a network with a long round trip
keys.py        the key file of a device fleet, without the others: ``python -m benchmarks.keys``
guide.sh, ansible/, pyinfra/, files/   the work itself, as each of the others does it
"""
