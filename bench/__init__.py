"""Ours beside the peers: one command, one run, one table."""
