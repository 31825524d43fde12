"""What all tests share."""

from hypothesis import settings

# Time depends on the machine and its load, so it fails no test.
settings.register_profile("fand", deadline=None)
settings.load_profile("fand")
