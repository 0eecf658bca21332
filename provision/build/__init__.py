"""Turn a recipe into an artifact: sources, compiler, packages, and the stored results."""
