"""Drivers of fans, one file a kind."""
