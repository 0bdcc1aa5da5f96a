"""From a sampled picture to its record in the data stream."""
