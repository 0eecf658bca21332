"""Fetch the tarballs of releases, verify them, and store them."""
