"""What the judge looks at: the shape of a result, and its figures, counted again by other means."""
