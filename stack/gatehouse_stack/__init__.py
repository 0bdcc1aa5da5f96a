"""Bring the whole platform up on one machine, and judge what it sees."""
