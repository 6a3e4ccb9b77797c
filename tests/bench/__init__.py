"""Two things compared in one run."""
