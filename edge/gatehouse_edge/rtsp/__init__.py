"""Read cameras: RTSP with RTP interleaved over one TCP connection."""
