"""Lessons as notebooks: the list of them, source and release, checks, progress, measures.

The rooms, each in its file: `syllabus` (which lessons there are), `places` (where they lie),
`notebook` (reading, writing, what nbgrader's metadata says), `normalise`, `release`, `leaks`,
`start_page`, `archive` (from source to what a learner gets), `kernel`, `marks`, `check`,
`progress` (from what a learner wrote to points), `card`, `anatomy` and `measures` (is it a good
lesson).
"""
