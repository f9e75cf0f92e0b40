"""Local and remote files under one interface: paths, URLs, byte ranges and atomic writes."""
