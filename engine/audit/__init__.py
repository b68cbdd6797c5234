"""The read side: what was seen, decided and done, in words that lead back to their causes."""
