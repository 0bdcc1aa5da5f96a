"""Serve the sample company's videos as RTSP cameras."""
