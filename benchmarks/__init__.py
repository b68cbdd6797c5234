"""Measurements, each printing one JSON object; `make bench` runs them all."""
