"""The wire: what other systems speak, in our words and with our errors. Collectors and actuators alone come here."""
