"""What every schema has, the public one included: people, tokens, audit, jobs, files, events."""
