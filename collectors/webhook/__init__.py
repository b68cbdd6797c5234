"""What other systems tell over HTTP: CloudEvents, Prometheus alerts, Redfish events."""
