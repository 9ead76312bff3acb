"""The benchmark benchmarks itself: known truths are measured by the code that measures the shop."""
