"""Run the operations on one host: deploy, rollback, uninstall and others, as phases of steps."""
