"""Which policy patterns hold? Load, compile to durable_rules, match, check; time and keys are handed in."""
