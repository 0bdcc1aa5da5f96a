"""Deliver fragments: PutMedia, its acknowledgements, and the spool for when there is no uplink."""
