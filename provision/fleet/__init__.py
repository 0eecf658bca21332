"""Run operations on many hosts: order of a rollout, executor, retry, key rotation, workers of a cluster."""
