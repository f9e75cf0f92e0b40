"""What a person sees: log lines, a progress bar and tables."""
