"""SNMP traps become events: hear (listening), keep (spool), name (maps, pet, mapping), drop repeats, publish."""
