"""Durable messages: the port's promises, a JetStream adapter, an in-memory twin, and a broker that comes along."""
