"""Acts on a host that need both wires: its vCenter and its blade's BMC."""
