"""From GetMedia's bytes to the pictures that are sampled."""
