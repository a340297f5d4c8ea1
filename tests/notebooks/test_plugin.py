"""Small notebooks, their outputs stated here, handed to pytest."""

import time
from datetime import date, timedelta

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output

from attncourse import plotting as plot
from attncourse.plotting.show import Picture
from benchmarks.machines import HERE, in_turn, simulated
from tests.notebooks.plugin import CURRENT_ENV_KERNEL_NAME, KernelDied, WatchedKernel

plot.panels()  # imports matplotlib: pytester would forget half of what a test imports itself

PLOT = """\
from attncourse import plotting as plot
plot.show(plot.curves([1, 2], {'a': [1, 2]}), alt='It rises.')"""


def cell(source, *stored, tags=()):
    """A cell that was executed; ``stored`` are its outputs, a string for one on stdout."""
    outputs = [
        new_output("stream", name="stdout", text=each) if isinstance(each, str) else each
        for each in stored
    ]
    metadata = {"tags": list(tags)}
    return new_code_cell(source, execution_count=1, outputs=outputs, metadata=metadata)


def figure(y):
    drawn = Picture(plot.curves([1, 2], {"a": y}).figure, "It rises.")
    data, metadata = drawn._repr_mimebundle_()
    return new_output("display_data", data=data, metadata=metadata)


@pytest.fixture
def replay(pytester):
    """Save a notebook of the given cells and run pytest on it."""

    def run(*cells, name="lesson", arguments=()):
        notebook = nbformat.v4.new_notebook(cells=list(cells))
        nbformat.write(notebook, pytester.path / f"{name}.ipynb")
        result = pytester.runpytest("-p", "tests.notebooks.plugin", *arguments)
        (pytester.path / f"{name}.ipynb").unlink()
        return result

    return run


def failed(result, *lines):
    """The one test failed, and its report has these lines, in this order."""
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(lines)


def test_a_notebook_that_says_the_same_again_is_one_passed_test(replay):
    error = new_output("error", ename="ZeroDivisionError", evalue="division by zero")
    replay(
        cell("x = 2 / 3"),
        cell("print(x)", "0.66667\n"),
        cell(PLOT, figure([1, 2.0001])),
        cell("1 / 0", error, tags=["raises-exception"]),
        new_code_cell(""),
    ).assert_outcomes(passed=1)


def test_a_changed_number_fails_with_cell_and_numbers(replay):
    result = replay(cell("x = 0.6"), cell("print('loss', x)", "loss 0.5\n"))
    lines = "code cell 2 (id *): *", "stdout: 0.5 stored, 0.6 computed", "* | print('loss', x)"
    failed(result, *lines)


def test_a_tag_widens_the_tolerance(replay):
    replay(cell("print(0.6)", "0.5\n", tags=["tolerance=0.2"])).assert_outcomes(passed=1)


def test_changed_data_of_a_plot_fails(replay):
    result = replay(cell(PLOT, figure([1, 2.1])))
    failed(result, "figure, axes 1, lines 1: 2.1 stored, 2 computed")


def test_cells_that_were_never_executed_fail_and_nothing_is_run(replay, pytester):
    result = replay(new_code_cell("open('trace', 'w')"), new_code_cell("print(1)"))
    failed(result, "code cell 1 *never executed*", "code cell 2 *never executed*")
    assert not (pytester.path / "trace").exists()


def test_a_skipped_cell_need_not_be_executed(replay):
    skipped = new_code_cell("1 / 0", metadata={"tags": ["nbval-skip"]})
    replay(skipped, cell("print(2)", "2\n")).assert_outcomes(passed=1)


def test_comments_for_nbval_fail(replay):
    failed(replay(cell("# NBVAL_IGNORE_OUTPUT\nprint(1)", "1\n")), "code cell 1 *use a tag")


def test_a_warning_fails(replay):
    result = replay(cell("import warnings\nwarnings.warn('careful')"))
    failed(result, "*writes to stderr*", "*careful*")


def test_ignored_output_may_be_anything(replay):
    source = "import sys\nprint('1 s', file=sys.stderr)"
    replay(cell(source, "2 s\n", tags=["nbval-ignore-output"])).assert_outcomes(passed=1)


def test_what_a_display_was_updated_to_is_compared(replay):
    bar = "bar = display({'text/html': '…', 'text/plain': '%s'}, raw=True, display_id=True)"
    end = "bar.update({'text/plain': 'step %s'}, raw=True)"
    stored = new_output("display_data", data={"text/plain": "step 2"})
    source = "\n".join([bar % "step 0", end % 1, end % 2])
    replay(cell(source, stored)).assert_outcomes(passed=1)
    failed(replay(cell(source + "\n" + end % 3, stored)), "text/plain: 2 stored, 3 computed")


def test_an_exception_is_told_with_its_traceback(replay):
    result = replay(cell("1 / 0"))
    failed(result, "*Cell execution caused an exception*", "*ZeroDivisionError*")


def test_a_dead_kernel_is_noticed_at_once(replay):
    dying = cell("import os\nos._exit(1)")
    result = replay(dying, cell("y = 2"))
    failed(result, "code cell 1 *the kernel died", "* | os._exit(1)", "*1 failed*")


def test_waiting_for_a_dead_kernel_takes_less_than_two_seconds(tmp_path):
    kernel = WatchedKernel(CURRENT_ENV_KERNEL_NAME, cwd=str(tmp_path))
    request = kernel.execute_cell_input("import os; os._exit(1)")
    start = time.monotonic()
    with pytest.raises(KernelDied):
        kernel.await_reply(request, timeout=300)
    assert time.monotonic() - start < 2
    kernel.stop()


def test_workers_do_not_tear_a_notebook_apart(replay):
    counting = [cell("x = 0"), *(cell("x += 1") for _ in range(6)), cell("print(x)", "6\n")]
    replay(*counting, arguments=["-n", "2", "--dist", "load"]).assert_outcomes(passed=1)


def test_kernels_have_one_thread_unless_told_otherwise(replay, monkeypatch):
    asked = cell("import os\nprint(os.environ['OMP_NUM_THREADS'])", "1\n")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    replay(asked).assert_outcomes(passed=1)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    failed(replay(asked), "stdout: 1 stored, 2 computed")


def test_a_lesson_is_replayed_as_the_machines_that_are_asked_for(replay, monkeypatch):
    monkeypatch.setenv("ATTNCOURSE_DAY", "2024-03-01")
    asked = cell("import os\nprint(os.environ['OMP_NUM_THREADS'])", "1\n")
    for machine in (HERE, *simulated()):
        result = replay(asked, name="06-se", arguments=["--machine", machine])
        result.assert_outcomes(**{"failed" if machine == "threads" else "passed": 1})
    replay(asked, name="06-se", arguments=["--machine", "all"]).assert_outcomes(
        passed=len(simulated()), failed=1
    )
    replay(asked, arguments=["--machine", "all"]).assert_outcomes(passed=1)  # it is no lesson


def test_each_lesson_has_its_turn_on_every_machine_and_not_all_on_one_day():
    days = [date(2024, 2, 28) + timedelta(days) for days in range(len(simulated()))]
    assert {in_turn(6, day) for day in days} == set(simulated())
    assert {in_turn(number, days[0]) for number in range(3)} == set(simulated()) 


@pytest.mark.skipif("sse41" not in simulated(), reason="a setting of x86 processors")
def test_settings_reach_torch(replay):
    asked = "import torch\nprint(torch.backends.cpu.get_cpu_capability())"
    stored = cell(asked, "DEFAULT\n")
    replay(stored, name="06-se", arguments=["--machine", "sse41"]).assert_outcomes(passed=1)


def test_replays_come_first_when_workers_share_them(replay, pytester):
    pytester.makepyfile(test_many="def test_a(): pass\ndef test_b(): pass")
    arguments = ["-n", "1", "--dist", "loadfile", "-v", "-p", "no:cacheprovider"]
    result = replay(cell("1", "1"), arguments=arguments)
    result.stdout.fnmatch_lines(["*replay*", "*test_a*", "*test_b*"])


def test_plain_nbval_stays_a_test_for_each_cell(replay):
    result = replay(cell("x = 1"), cell("print(x)", "1\n"), arguments=["--nbval"])
    result.assert_outcomes(passed=2)


def test_plain_nbval_is_not_scheduled_by_cell(replay):
    result = replay(cell("x = 1"), arguments=["--nbval", "-n", "2"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*run nbval with --dist loadfile"])
