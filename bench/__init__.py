"""`longwave bench`: how fast the engine and the service are on this machine, beside their peers."""
