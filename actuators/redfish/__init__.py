"""Acts on blades through their BMCs."""
