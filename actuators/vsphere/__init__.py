"""Acts on VMs and hosts through vCenter."""
