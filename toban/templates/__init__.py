"""Files of the example site, with $words to fill in."""
