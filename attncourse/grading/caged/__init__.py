"""Where learners' code runs: a keeper outside; a zygote, wardens and workers in the cage.

keeper  ->  zygote  ->  warden  ->  worker
cage (with view, landlock, seccomp) keeps them in; wire is how they talk to the judge; harmless
is what they know of the lesson
"""
