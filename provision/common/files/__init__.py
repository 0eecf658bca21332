"""Read local files with a limit, write them atomically, and lock them."""
