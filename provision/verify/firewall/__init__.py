"""Judge the local firewall of a host, one module for each program that manages it."""
