"""Decide what differs from the manifests, what is safe to heal, and what every camera's day was worth."""
