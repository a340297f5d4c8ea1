"""Draw every picture again, and write the table of rooms into the page that shows them."""

from docs.pictures import current

for path, text in current().items():
    path.write_text(text, encoding="utf-8")
    print("wrote", path.name)
