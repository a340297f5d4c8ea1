"""What more than one lesson draws or asks to hold; no learner's process keeps any of it."""
