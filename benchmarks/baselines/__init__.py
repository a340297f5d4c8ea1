"""The usual forms: plain modules from the papers' equations, structured as people do it."""
