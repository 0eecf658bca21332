"""Parse the answers of chronyc: one module for each question. They give CSV, so it is called with ``-c``.

The order of the fields is that of chrony's client.c, unchanged from 4.0 to 4.9; where it grew, the parser says so.
"""
