"""Supervise an office's cameras as its desired document says."""
