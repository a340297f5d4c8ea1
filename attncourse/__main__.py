"""`python -m attncourse` is the command `attncourse`, also where scripts are not on the path."""

from attncourse.cli import main

main()
