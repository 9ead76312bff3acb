"""SQL of the test components."""
