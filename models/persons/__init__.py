"""Person-box detectors: adapters for graphs of other projects."""
