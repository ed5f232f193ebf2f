"""What the course promises about speed and quality, measured on this machine: `python -m benchmarks`."""
