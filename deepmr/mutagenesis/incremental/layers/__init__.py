"""Delta propagation through each kind of layer."""
