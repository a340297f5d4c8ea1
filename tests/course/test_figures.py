"""The lessons' measures see what `attncourse.plotting.show` displays."""

from nbformat.v4 import new_code_cell, new_output

from attncourse import plotting as plot
from attncourse.course.anatomy import figures
from attncourse.plotting.show import Picture


def test_a_figure_of_the_course_counts_as_a_plot_with_alternative_text():
    data, metadata = Picture(plot.bars({"a": 1}).figure, "One bar.")._repr_mimebundle_()
    output = new_output("display_data", data=data, metadata=metadata)
    text = new_output("display_data", data={"text/html": "<b>no figure</b>"})
    (found,) = figures([new_code_cell("show()", outputs=[output, text])])
    assert [kind["alt"] for kind in found.metadata.values()] == ["One bar."]
