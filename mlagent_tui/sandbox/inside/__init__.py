"""What programs find in the sandbox besides the system: a folder on the PYTHONPATH of commands."""
