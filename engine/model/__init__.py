"""Frozen words that rooms exchange: no behaviour beyond reading themselves, no input or output."""
