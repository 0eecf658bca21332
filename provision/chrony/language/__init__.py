"""Hold chrony's configuration language, releases 4.0 to 4.9, as data (``language.toml``), and check lines by it."""
