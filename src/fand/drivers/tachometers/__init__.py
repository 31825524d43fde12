"""Drivers of tachometers, one file a kind."""
