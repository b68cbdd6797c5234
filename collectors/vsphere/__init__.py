"""vCenter: inventory, load and events as Toban events."""
