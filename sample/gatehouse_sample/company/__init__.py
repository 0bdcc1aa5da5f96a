"""Make the sample company: its roster, its photos, and a minute of video with ground truth per camera."""
