"""Deep MR."""
