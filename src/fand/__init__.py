"""fand: networked fan control for storage shelves, racks and Raspberry Pis.

Importing this package has no effect beyond naming its version: no logging set-up, no file look-up, no thread.
"""

__version__ = "0.2.0"
