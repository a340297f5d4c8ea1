"""What being late costs: the plugin decides that nbgrader's settings name."""

import sys
from collections.abc import Callable
from pathlib import Path

from attncourse.course.release import CONFIG

#: Of a student, their points, and how many seconds late: the points to take off, or None.
Penalty = Callable[[str, float, float], float | None]


def penalty_of(root: Path) -> Penalty:
    """Finds the plugin as nbgrader does: in the person's settings, then in the course's.

    Args:
        root: The course's folder; the plugin's module may lie there.

    Raises:
        ValueError: The settings cannot be read, or the plugin cannot be found.
    """
    from jupyter_core.paths import jupyter_config_path
    from nbgrader.preprocessors import AssignLatePenalties
    from traitlets.config.loader import Config, PyFileConfigLoader

    config = Config()
    sys.path.append(str(root))  # last: what lies there must not hide a library
    try:
        for folder in [*reversed(jupyter_config_path()), str(root)]:
            if Path(folder, CONFIG).is_file():
                config.merge(PyFileConfigLoader(CONFIG, path=folder).load_config())
        assigned = AssignLatePenalties(config=config)
        assigned.init_plugin()
    except Exception as error:  # whatever a settings file runs into
        raise ValueError(f"the penalty for being late is not to be had: {error}") from error
    finally:
        sys.path.remove(str(root))
    penalty: Penalty = assigned.plugin_inst.late_submission_penalty
    return penalty
