"""Asks a JSON schema validator for its verdict on every small change of a playbook, and writes the verdicts down.

    python3 referee.py SCHEMAS whole.json > whole.verdicts

SCHEMAS is the folder `cacao/schemas` of the shared data. Needs the packages `jsonschema` and `referencing`. One line a
place: its JSON pointer, then one sign for each change in the order of CHANGES: 1 valid, 0 not, - does not apply.
`tests/cacao.rs` makes the same changes and must give the same signs.
"""

import copy
import json
import pathlib
import sys

from jsonschema import Draft7Validator
from referencing import Registry, Resource

CHANGES = ["delete", None, True, 7, -1, 1.5, "x", [], {}, "add"]


def places(value, pointer=()):
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield pointer + (name,)
        yield from places(inner, pointer + (name,))


def changed(document, pointer, number, change):
    document = copy.deepcopy(document)
    holder = document
    for name in pointer[:-1]:
        holder = holder[name]
    if number == 0:
        del holder[pointer[-1]]
    elif change == "add":
        if not isinstance(holder[pointer[-1]], dict):
            return None
        holder[pointer[-1]]["unheard_of"] = 1
    else:
        holder[pointer[-1]] = change
    return document


def main():
    folder, path = pathlib.Path(sys.argv[1]), sys.argv[2]
    documents = [json.loads(file.read_text()) for file in sorted(folder.rglob("*.json"))]
    registry = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in documents)
    root = json.loads((folder / "playbook.json").read_text())
    validator = Draft7Validator(root, registry=registry)
    document = json.loads(pathlib.Path(path).read_text())
    print("", "1" if validator.is_valid(document) else "0")
    for pointer in places(document):
        signs = ""
        for number, change in enumerate(CHANGES):
            other = changed(document, pointer, number, change)
            signs += "-" if other is None else "1" if validator.is_valid(other) else "0"
        print("/" + "/".join(str(name) for name in pointer), signs)


main()
