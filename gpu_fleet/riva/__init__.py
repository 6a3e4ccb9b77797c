"""NVIDIA Riva on the fleet: which models there are, how one is run and how it is known to hear."""
