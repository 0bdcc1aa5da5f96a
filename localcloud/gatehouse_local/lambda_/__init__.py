"""Serve AWS Lambda: functions that really run, and the poller that feeds them from Kinesis."""

from gatehouse_local.lambda_.service import build

__all__ = ["build"]
