"""Turn RTP packets into Matroska fragments; pure, no I/O."""
