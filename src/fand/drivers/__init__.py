"""Hardware drivers, one file a kind."""
