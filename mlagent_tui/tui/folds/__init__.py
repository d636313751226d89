"""What each kind of event changes in the state of a run, and which parts of the screen that touches."""
