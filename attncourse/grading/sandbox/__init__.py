"""Where learners' code runs: a client outside; a forkserver, supervisors and workers inside.

client  ->  forkserver  ->  supervisor  ->  worker
`backends` (with `rootfs`, `landlock`, `seccomp` and `limits`) keep them in; `protocol` is how they
talk to the grader; `redact` takes away what they may not know of the lesson.
"""
