"""mutagenesis."""
