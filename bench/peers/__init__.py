"""What else could do the work: servers and a recogniser to measure beside the service."""
