"""Run functions: child processes kept warm, one event at a time each."""
