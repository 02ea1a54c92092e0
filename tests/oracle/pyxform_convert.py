"""pyxform as one long-lived process: one JSON object a line in, one out.

    {"op": "convert", "file": "form.xlsx"}   {"ok", "xform", "itemsets", "error", "warnings", "seconds"}
    {"op": "sheets", "file": "form.xls"}     {"sheets": [["survey", [["type", "name"], ...]], ...]}

Only pyxform's own checks: ODK Validate is asked separately, many forms a run. `sheets` is for the old binary format,
which Lakou does not read: cells as pyxform itself turns them into text.
"""

import json
import sys
import time

from pyxform.xls2xform import convert
from pyxform.xls2json_backends import xls_value_to_unicode


def converted(file):
    warnings = []
    began = time.perf_counter()
    try:
        result = convert(xlsform=file, validate=False, pretty_print=False, warnings=warnings)
        answer = {"ok": True, "xform": result.xform, "itemsets": result.itemsets, "error": None}
    # A crash of pyxform's refuses the workbook as much as a message does.
    except Exception as error:
        answer = {"ok": False, "xform": None, "error": f"{type(error).__name__}: {error}"}
    return {**answer, "warnings": warnings, "seconds": time.perf_counter() - began}


def sheets(file):
    import xlrd

    book = xlrd.open_workbook(file)
    return {"sheets": [[sheet.name, [row(book, cells) for cells in sheet.get_rows()]] for sheet in book.sheets()]}


def row(book, cells):
    return [text(book, cell) for cell in cells]


def text(book, cell):
    return "" if cell.value in ("", None) else xls_value_to_unicode(cell.value, cell.ctype, book.datemode)


def main():
    operations = {"convert": converted, "sheets": sheets}
    # What pyxform prints is not an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = operations[request["op"]](request["file"])
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


main()
