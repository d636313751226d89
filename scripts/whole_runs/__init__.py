"""What `bench_runs.py` runs on: goals in many wordings, and a set of images of its own."""
