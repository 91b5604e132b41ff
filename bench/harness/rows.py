"""Rows of figures: what bench/run prints, writes as JSON and draws."""
import dataclasses
import json
import statistics


@dataclasses.dataclass
class Row:
    """One figure: the median of `samples`, with what is needed to judge it beside it."""
    name: str
    unit: str
    samples: list
    limit: float | None = None      # what it has to reach
    at_least: bool = False          # limit is a floor, else a ceiling
    note: str = ""
    extra: dict = dataclasses.field(default_factory=dict)

    @property
    def value(self):
        return statistics.median(self.samples)

    @property
    def met(self):
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_dict(self):
        row = {"name": self.name, "value": round(self.value, 4), "unit": self.unit, "runs": len(self.samples),
               "min": round(min(self.samples), 4), "max": round(max(self.samples), 4)}
        if self.limit is not None:
            row |= {"limit": self.limit, "at": "least" if self.at_least else "most", "met": self.met}
        if self.note:
            row["note"] = self.note
        return row | self.extra


def table(rows):
    """Lines for people: name, median, spread, limit, verdict."""
    width = max((len(row.name) for row in rows), default=4)
    for row in rows:
        spread = f"{min(row.samples):.4g}..{max(row.samples):.4g}"
        limit = "" if row.limit is None else f"{'>=' if row.at_least else '<='} {row.limit:g} {'met' if row.met else 'MISSED'}"
        yield f"{row.name:<{width}}  {row.value:>10.4g} {row.unit:<16} {spread:<22} {limit:<16} {row.note}".rstrip()


def write(path, machine, rows):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": machine, "rows": [row.as_dict() for row in rows]}, file, indent=1)
        file.write("\n")
