"""nbgrader's settings for this course: `nbgrader` commands in this folder find it by themselves."""

c = get_config()  # noqa: F821  (nbgrader runs this file with get_config defined)

c.CourseDirectory.course_id = "attncourse"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
# What may lie beside a lesson while somebody works on it, and is not part of it.
c.CourseDirectory.ignore = [".*", "*~", "*.py", "*.pyc", "__pycache__", "feedback"]

# What a learner finds in place of an answer.
c.ClearSolutions.code_stub = {
    "python": "# YOUR CODE HERE instead of the next line.\n"
    'raise NotImplementedError("not solved yet")'
}
c.ClearSolutions.text_stub = "*Double-click here and replace this line by your answer.*"

# A lesson runs in a minute; this is for slower machines and for loops that never end.
c.Execute.timeout = 180
c.Execute.iopub_timeout = 10
# Nothing is lost by stopping a kernel at once, and each submission saves a second or two.
c.Execute.shutdown_kernel = "immediate"
# Otherwise every kernel begins with a warning that its connection is not encrypted.
c.Execute.extra_arguments = ["--log-level=ERROR"]

# nbgrader gives 0 for whatever a test cell prints on stderr. A warning is not a wrong answer.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = "(?s)."

# A check that a learner deleted comes back instead of waiting for ever for a manual grade.
c.OverwriteCells.add_missing_cells = True
