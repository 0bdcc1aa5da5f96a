"""Keep functions: their configuration, code, states and tags."""
