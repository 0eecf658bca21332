"""Collect the evidence of a running chronyd, and check it."""
