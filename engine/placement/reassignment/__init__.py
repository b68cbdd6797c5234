"""Reassignment of many VMs at once: a few moves that bring much, and that never overload a host on the way."""
