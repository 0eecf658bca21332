"""Print and store the results of a run: report, log and progress."""
