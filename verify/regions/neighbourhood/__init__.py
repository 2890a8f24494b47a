"""What holds in a ball around one point: its ingredients, bounds by radius, criteria, the search for a radius. Knows no descent."""
