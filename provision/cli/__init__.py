"""The command line: tasks and their options."""
