"""Looking at the world at the moment of a decision."""
