"""Training of Longwave's acoustic models in PyTorch, and their export to model bundles."""
