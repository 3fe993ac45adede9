"""Writes the pages of docs/paper from their templates and the numbers of a full reproduction.

Usage:
    windtunnel reproduce all --out target/paper
    windtunnel reproduce fig2 fig4 fig5 --replicate 1 --out target/paper
    python3 scripts/paper_pages.py --take target/paper   # its numbers and the hero figures, then the pages
    python3 scripts/paper_pages.py                       # the pages again, from docs/paper/results.json
    python3 scripts/paper_pages.py --check               # fails where a page is not what would be written

A template, docs/paper/pages/NAME.md, is a page with the numbers left out:

    {{B1.1}}                             the primary effect of a claim with its interval, bold where the
                                         claim is supported, italic where it is contradicted
    {{B1.1 @ paper}}                     the same by the paper's own statistic, by its own interval
    {{B1.1 @ mean prompt, last step, fixed batch}}
                                         the same by one specification
    {{B1.1 @ verdict}}                   the verdict, adjusted for all claims
    {{B1.1 @ specifications}}            how many specifications support it, decide nothing, contradict it
    {{B1.1 @ again}}                     the primary effect with other random streams
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
HEROES = ("fig2-median", "fig4-condition", "noise", "batch-dose", "depth-dose")
PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
VERDICTS = (
    ("supported", "supported"),
    ("contradicted", "contradicted"),
    ("open", "not distinguishable"),
    ("barred", "without a verdict"),
)
EMPHASIS = {"supported": "**", "contradicted": "*"}


class Missing(Exception):
    """Names what a template asks for and the results do not have."""


def marked(effect, verdict):
    # The reason of what is missing follows a colon; pages say it in their own words.
    text = effect["text"].split(": ")[0]
    mark = EMPHASIS.get(verdict, "")
    return f"{mark}{text}{mark}" + (" (no verdict)" if verdict == "no verdict" else "")


def of_claim(claims, name, what):
    if name not in claims:
        raise Missing(f"no claim {name}; there are {', '.join(claims)}")
    claim = claims[name]
    effects = {effect["specification"]: effect for effect in claim["effects"]}
    if what == "primary":
        return marked(claim["effects"][0], claim["verdict"])
    if what == "verdict":
        return claim["verdict"]
    if what == "specifications":
        # As the report words it, the verdicts that occur.
        counts = [f"{claim['specifications'][key]} {words}" for key, words in VERDICTS if claim["specifications"][key]]
        return f"{', '.join(counts)} of {sum(claim['specifications'].values())}"
    if what == "again" and "again" in claim:
        return marked(claim["again"], claim["again"]["verdict"])
    if what == "paper" and claim["paper"]:
        effects[what] = effects[claim["paper"]]
    if what not in effects:
        raise Missing(f"claim {name} has no specification {what!r}; it has {', '.join(effects)}")
    return marked(effects[what], effects[what]["verdict"])


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
        if len(parts) < 3 and ": " not in parts[0]:
            return of_claim(results["claims"], *(parts + ["primary"])[:2])
        if len(parts) == 3 and ": " in parts[0]:
            study, title = parts[0].split(": ", 1)
            return cell(results["tables"], study, title, *parts[1:])
        raise Missing(f"{{{{{place}}}}} is neither a claim nor a cell")

    return PLACE.sub(fill, template)


def take(folder):
    """The numbers of a full reproduction, claims by their names and tables by their studies."""
    claims, tables = {}, {}
    kept = ("specification", "text", "verdict")
    brief = lambda effect: {key: effect[key] for key in kept if key in effect}
    for file in sorted(folder.glob("*.json")):
        study = json.loads(file.read_text())
        if "figure" not in study or file.stem != study["figure"]:
            continue
        if study["quick"]:
            sys.exit(f"{file} is of a quick look: run `windtunnel reproduce all` without --quick")
        for claim in study["claims"]:
            # Single batches are for the picture of all specifications.
            effects = [brief(e) for e in claim["effects"] if not re.search(r"fresh batch \d", e["specification"])]
            paper = claim["effects"][1]["specification"] if claim["second_is_of_paper"] else None
            own = {key: claim[key] for key in ("text", "holds", "verdict", "specifications")}
            claims[claim["claim"]] = own | {"paper": paper, "effects": effects}
        tables[study["figure"]] = [t for t in study["tables"] if not t["title"].startswith("Claims ")]
    for file in sorted(folder.glob("*-again*.json")):
        study = json.loads(file.read_text())
        for claim in study["claims"] if "figure" in study else []:
            claims[claim["claim"]]["again"] = brief(claim["replication"]["effect"])
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
