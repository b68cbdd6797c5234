"""Do it, journalled: look, START, act, look, DONE; after a crash by looking, never by blind repetition."""
