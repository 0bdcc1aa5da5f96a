"""What an office's worker is told to do, does and reports."""
