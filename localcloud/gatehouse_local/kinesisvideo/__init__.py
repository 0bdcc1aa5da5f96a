"""Serve Kinesis Video Streams: control, live media and the archive."""
