"""Reach the machines to deploy to: targets, facts, transports, sudo, workspaces and scripts."""
