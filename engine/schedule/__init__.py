"""Time as one more collector: a schedule's slots become events, each once."""
