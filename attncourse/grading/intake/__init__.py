"""What learners handed in: collected, read and matched with the release, and never trusted."""
