"""Keep event source mappings and poll Kinesis for them."""
