"""The clipping core: sky level and noise of a chip, as stsci.imagestats has them; numpy alone."""
