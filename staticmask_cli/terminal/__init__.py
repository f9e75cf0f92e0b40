"""Output for people: log lines, a progress bar and tables."""
