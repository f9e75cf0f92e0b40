"""The local rule, with numpy alone: pixels, columns and rows far below the sky around them."""
