"""fanctl: asks and commands a server from the command line."""
