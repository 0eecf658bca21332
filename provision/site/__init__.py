"""Read the site file, and make the settings of each host from it."""
