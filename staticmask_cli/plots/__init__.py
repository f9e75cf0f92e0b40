"""Pictures of masks, drawn by matplotlib (the extra plot)."""
