"""Asking hosts whether they live: all of them in every interval, and once more at the moment of a decision."""
