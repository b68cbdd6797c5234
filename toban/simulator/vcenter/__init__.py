"""A vCenter's SOAP endpoint, served with pyVmomi's own types."""
