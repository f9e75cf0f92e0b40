"""Parameters: defaults, .cfg files, the command line, and editing them."""
