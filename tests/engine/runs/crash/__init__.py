"""The enumerated crash battery: every standard policy, killed at every await of a wire, and again in recovery."""
