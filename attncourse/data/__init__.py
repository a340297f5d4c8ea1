"""The course's tasks: generated, or shipped with a library. Nothing here downloads."""
