"""The analyses, one module each. They read files and git, and know nothing of tasks or the coordinator."""
