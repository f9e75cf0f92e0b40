"""The local rule: pixels, columns and rows far below the sky around them; numpy alone."""
