"""Static masks applied to exposures: their bad pixels flagged in the DQ arrays of copies."""
