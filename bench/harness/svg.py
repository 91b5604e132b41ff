"""Rows as a picture: one bar a row with its limit as a line; rows of one unit share a chart."""
from xml.sax.saxutils import escape

BAR, GAP, LEFT, WIDTH = 22, 10, 330, 960


def _chart(unit, rows, top):
    scale = (WIDTH - LEFT - 120) / (max(max(row.value, row.limit or 0) for row in rows) or 1)
    yield f'<text x="10" y="{top + 16}" class="unit">{escape(unit)}</text>'
    y = top + 28
    for row in rows:
        tone = "none" if row.met is None else "met" if row.met else "missed"
        yield f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end">{escape(row.name)}</text>'
        yield f'<rect x="{LEFT}" y="{y}" width="{max(row.value * scale, 1):.1f}" height="{BAR}" class="{tone}"/>'
        yield f'<text x="{LEFT + row.value * scale + 6:.1f}" y="{y + 16}">{row.value:.4g}</text>'
        if row.limit is not None:
            x = LEFT + row.limit * scale
            yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 3}" y2="{y + BAR + 3}"/>'
        y += BAR + GAP


def draw(machine, rows):
    units = {}
    for row in rows:
        units.setdefault(row.unit, []).append(row)
    body, top = [], 46
    for unit, members in units.items():
        body += _chart(unit, members, top)
        top += 28 + len(members) * (BAR + GAP) + 18
    title = f"{machine['cpu']}, {machine['cpus']} CPUs, kernel {machine['kernel']}, {machine['date']}, {machine['commit']}"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" font-family="sans-serif" font-size="13">',
        "<style>.met{fill:#3a7d44}.missed{fill:#b23a48}.none{fill:#5b7db1}.unit{font-weight:bold}"
        "line{stroke:#111;stroke-width:2}</style>",
        f'<rect width="100%" height="100%" fill="#fff"/><text x="10" y="24">{escape(title)}</text>', *body, "</svg>", ""])
