"""Query an NTP server from this machine: the packets, their exchange, and the probe of a server."""
