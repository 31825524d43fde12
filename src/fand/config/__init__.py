"""The configuration: files to frozen values."""
