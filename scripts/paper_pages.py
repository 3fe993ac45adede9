"""Writes the pages of docs/paper from their templates and the numbers of a full reproduction.

Usage:
    windtunnel reproduce all --out target/paper
    python3 scripts/paper_pages.py --take target/paper   # its numbers and the hero figures, then the pages
    python3 scripts/paper_pages.py                       # the pages again, from docs/paper/results.json
    python3 scripts/paper_pages.py --check               # fails where a page is not what would be written

A template, docs/paper/pages/NAME.md, is a page with the numbers left out:

    {{B1.1 @ mean prompt, last step}}    the effect of a claim by one specification with its interval, bold
                                         where it supports the claim, italic where it contradicts it
    {{fig2: Held-out loss @ setting1 @ SGDM/Adam (95 %)}}
                                         a cell: study, beginning of the table's title, beginning of
                                         the row (its first cells, separated by " / "), column
"""

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "paper"
RESULTS = FOLDER / "results.json"
# The figures that are committed; all others are one command away.
HEROES = ("fig2", "fig4-condition", "noise", "batch-dose", "depth-dose")
PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
EMPHASIS = {"supported": "**", "contradicted": "*"}


class Missing(Exception):
    """Names what a template asks for and the results do not have."""


def effect(claims, claim, specification):
    if claim not in claims:
        raise Missing(f"no claim {claim}; there are {', '.join(claims)}")
    effects = {effect["specification"]: effect for effect in claims[claim]["effects"]}
    if specification not in effects:
        raise Missing(f"claim {claim} has no specification {specification!r}; it has {', '.join(effects)}")
    mark = EMPHASIS.get(effects[specification]["verdict"], "")
    # The reason of what is missing follows a colon; pages say it in their own words.
    text = effects[specification]["text"].split(": ")[0]
    return f"{mark}{text}{mark}"


def cell(tables, study, title, row, column):
    found = [table for table in tables.get(study, []) if table["title"].startswith(title)]
    if len(found) != 1:
        raise Missing(f"{len(found)} tables of {study} begin with {title!r}")
    (table,) = found
    rows = [r for r in table["rows"] if " / ".join(r).startswith(row)]
    if len(rows) != 1 or column not in table["head"]:
        raise Missing(f"{study}, {title!r}: {len(rows)} rows {row!r}, columns {table['head']}")
    return rows[0][table["head"].index(column)]


def page(template, results):
    def fill(match):
        place = " ".join(match.group(1).split())
        parts = [part.strip() for part in place.split(" @ ")]
        if len(parts) == 2:
            return effect(results["claims"], *parts)
        if len(parts) == 3 and ": " in parts[0]:
            study, title = parts[0].split(": ", 1)
            return cell(results["tables"], study, title, *parts[1:])
        raise Missing(f"{{{{{place}}}}} is neither a claim nor a cell")

    return PLACE.sub(fill, template)


def take(folder):
    """The numbers of a full reproduction, claims by their names and tables by their studies."""
    claims, tables = {}, {}
    for file in sorted(folder.glob("*.json")):
        study = json.loads(file.read_text())
        if "figure" not in study:
            continue
        if study["quick"]:
            sys.exit(f"{file} is of a quick look: run `windtunnel reproduce all` without --quick")
        for claim in study["claims"]:
            kept = ("specification", "text", "verdict")
            effects = [{key: effect[key] for key in kept} for effect in claim["effects"]]
            claims[claim["claim"]] = {"text": claim["text"], "holds": claim["holds"], "effects": effects}
        tables[study["figure"]] = [t for t in study["tables"] if not t["title"].startswith("Claims ")]
    RESULTS.write_text(json.dumps({"claims": claims, "tables": tables}, ensure_ascii=False, indent=1) + "\n")
    for name in HEROES:
        shutil.copy(folder / f"{name}.svg", FOLDER / f"{name}.svg")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--take", type=Path, metavar="DIR", help="folder that `reproduce all` wrote")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where pages differ")
    args = parser.parse_args()
    if args.take:
        take(args.take)
    results = json.loads(RESULTS.read_text())
    wrong = []
    for template in sorted((FOLDER / "pages").glob("*.md")):
        try:
            text = page(template.read_text(), results)
        except Missing as error:
            sys.exit(f"{template.name}: {error}")
        target = FOLDER / template.name
        if args.check:
            if not target.exists() or target.read_text() != text:
                wrong.append(target.name)
        else:
            target.write_text(text)
    if wrong:
        sys.exit(f"{', '.join(wrong)}: not what scripts/paper_pages.py writes; change the template, run it")


if __name__ == "__main__":
    main()
