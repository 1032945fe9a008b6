"""The preview of an import in words: every row of the file, what is missing, and the sum. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from config.plan.table_import import Fault, ImportedMeasure, Match, Preview, RowKind
from config.texts import text


def preview_lines(found: Preview, lang: str) -> Iterator[str]:
    """One line a row, in the order of the file; then what the new table lacks, and the sum."""
    measures = {one.row: one for one in found.measures}
    faults: dict[int, list[Fault]] = {}
    for fault in found.faults:
        faults.setdefault(fault.row, []).append(fault)
    for note in found.notes:
        if note.kind is RowKind.MEASURE:
            yield f"✓ {measure_words(measures[note.row], lang)}"
        elif note.kind is RowKind.WRONG:
            yield from (f"✗ {fault_words(one, lang)}" for one in faults[note.row])
        else:
            key = f"plan.import.row.{note.kind.value}"
            yield f"· {text(key, lang, row=note.row, words=note.words)}"
    known = {note.row for note in found.notes}
    for row, rest in faults.items():
        if row not in known:
            yield from (f"✗ {fault_words(one, lang)}" for one in rest)
    if found.missing_ids:
        yield f"△ {text('plan.import.missing', lang, ids=', '.join(found.missing_ids))}"
    bad = len(faults)
    yield text("plan.import.summary", lang, good=len(found.measures), bad=bad)


def measure_words(one: ImportedMeasure, lang: str) -> str:
    """What becomes of a good row: which measure it continues, rules kept and lost."""
    if one.match is Match.NEW:
        return f"{text('plan.import.new', lang, row=one.row)} {one.text_zh[:40]}"
    kept = len(one.kept_rules)
    key = f"plan.import.{one.match.value}"
    head = text(key, lang, row=one.row, known=one.known_id, kept=kept)
    lost = ", ".join(one.lost_rules)
    tail = f" {text('plan.import.lost', lang, lost=lost)}" if lost else ""
    return f"{head}{tail} {one.text_zh[:40]}"


def fault_words(fault: Fault, lang: str) -> str:
    """Where a fault is, what it is, what was found there, and what to do."""
    where = text("plan.import.where", lang, row=fault.row, column=fault.column)
    kind = text(f"plan.fault.{fault.kind.value}", lang)
    mend = text(f"plan.fault.{fault.kind.value}.mend", lang)
    shown = f" “{fault.found}”" if fault.found else ""
    return f"{where} {kind}{shown} — {mend}"
