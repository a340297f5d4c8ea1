"""Scripts that learners hand in where they become HTML; each would say so in the page's title."""

import base64

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

RUN = "document.title='ran'"
SCRIPT = f"<script>{RUN}</script>"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)

MARKDOWN = {
    "script": f"<script>{RUN}</script>",
    "handler": f'<img src=x onerror="{RUN}">',
    "frame": f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    "frame of a script": f'<iframe src="javascript:parent.{RUN}"></iframe>',
    "svg": f'<svg onload="{RUN}"></svg>',
    "details": f'<details open ontoggle="{RUN}">x</details>',
    "style": "<style>@keyframes x{}</style>"
    f'<b style="animation-name:x" onanimationstart="{RUN}">',
    "object": f'<object data="data:text/html,<script>{RUN}</script>"></object>',
    "form": f'<form><button formaction="javascript:{RUN}" autofocus onfocus="{RUN}">x'
    "</button></form>",
    "math": f'<math><mtext></form><form><mglyph><style></math><img src onerror="{RUN}">',
    "broken tag": f'<img """><script>{RUN}</script>">',
    "split tag": f"<scr<script>ipt>{RUN}</script>",
    "unclosed": f'<img src=x onerror="{RUN}"',
    "fence": f"```\n</code></pre><script>{RUN}</script>\n```",
    "code span": f"`</code><script>{RUN}</script>`",
    "mermaid": f'```mermaid\ngraph TD; A["<img src=x onerror={RUN}>"]\n```',
    "formula": f"$$\\href{{javascript:{RUN}}}{{x}}$$ $</script><script>{RUN}</script>$",
    "title": f"</title><script>{RUN}</script>",
    "base": '<base href="https://example.invalid/">'
    '<meta http-equiv="refresh" content="0;url=data:,x">',
    "comment": f"<!--><script>{RUN}</script>-->",
}
BUNDLES = {
    "html": {"text/html": f'<script>{RUN}</script><img src=x onerror="{RUN}">'},
    "javascript": {"application/javascript": RUN},
    "svg": {
        "image/svg+xml": f'<svg xmlns="http://www.w3.org/2000/svg"><script>{RUN}</script></svg>'
    },
    "latex": {"text/latex": f"$x$</div><script>{RUN}</script>"},
    "markdown": {"text/markdown": f"<script>{RUN}</script>"},
    "plain": {"text/plain": f"</pre><script>{RUN}</script>"},
    "png": {"image/png": f'{PIXEL}"><script>{RUN}</script>'},
    "png that is html": {
        "image/png": base64.b64encode(f"<script>{RUN}</script>".encode()).decode()
    },
    "jpeg": {"image/jpeg": f'x" onerror="{RUN}'},
    "pdf": {"application/pdf": base64.b64encode(b"%PDF-1.4").decode()},
    "vega": {"application/vnd.vega.v5+json": {"$schema": RUN}},
    "widget": {"application/vnd.jupyter.widget-view+json": {"model_id": f"</script><script>{RUN}"}},
    "picture in html": {"text/html": f'<img src="data:image/svg+xml,<svg onload={RUN}>">'},
}


def notebook(nb: NotebookNode) -> NotebookNode:
    """The notebook with every payload added, and in the metadata too."""
    nb.metadata["title"] = f"</title><script>{RUN}</script>"
    nb.metadata["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {"state": f"</script><script>{RUN}</script>"}
    }
    nb.metadata["language_info"] = {"name": "python", "pygments_lexer": f"x</script><script>{RUN}"}
    nb.cells += [new_markdown_cell(text) for text in MARKDOWN.values()]
    for bundle in BUNDLES.values():
        cell = new_code_cell(f"# </script><script>{RUN}</script>", execution_count=1)
        cell.outputs = [
            new_output("display_data", data=bundle),
            new_output("execute_result", data=bundle, execution_count=1),
        ]
        nb.cells.append(cell)
    noisy = new_code_cell("loud()")
    shout = f"\x1b[31m<script>{RUN}</script>\x1b]8;;javascript:{RUN}\x07x\x1b]8;;\x07"
    noisy.outputs = [
        new_output("stream", name="stdout", text=shout),
        new_output("stream", name="stderr", text=shout),
        new_output("error", ename=shout, evalue=shout, traceback=[shout]),
    ]
    attached = new_markdown_cell("![x](attachment:x.png)")
    attached.attachments = {"x.png": {'image/png"><script>': f'{PIXEL}" onerror="{RUN}'}}
    tagged = new_markdown_cell("x", metadata={"tags": [f'"><script>{RUN}</script>']})
    raw = nb.cells[0].copy() | {"cell_type": "raw", "source": f"<script>{RUN}</script>"}
    nb.cells += [noisy, attached, tagged, NotebookNode(raw)]
    return nb
