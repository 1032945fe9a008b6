"""Analysis of recordings: readings and tracks as tables, an annotated film and a report."""
