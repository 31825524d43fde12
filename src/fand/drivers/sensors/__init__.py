"""Drivers of sensors, one file a kind."""
