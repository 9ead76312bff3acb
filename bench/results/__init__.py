"""What an experiment leaves in a run, read by the terminal and by the report alike."""
