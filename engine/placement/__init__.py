"""Which VM goes where: capacity, shared storage and constraints; pure functions over the estate."""
