"""Serve Rekognition's image API: collections, faces, users, searches, comparisons and tags."""
