"""Decodes and re-encodes every golden fixture of a folder; prints what differs as JSON.

Usage: golden.py FOLDER. Run by test/contract/golden.test.ts.
"""

import importlib
import json
import sys
from pathlib import Path

from google.protobuf import json_format, symbol_database

import lachesis.v1


def load_contract():
    """Imports every generated module, so that all messages are registered."""
    for module in Path(lachesis.v1.__path__[0]).glob("*_pb2.py"):
        importlib.import_module(f"lachesis.v1.{module.stem}")
    return symbol_database.Default()


def differences(message_class, binary: bytes, text: str):
    """Yields what this runtime makes of a fixture differently, in words."""
    from_binary = message_class.FromString(binary)
    if from_binary.SerializeToString(deterministic=True) != binary:
        yield "binary -> binary"
    if json.loads(json_format.MessageToJson(from_binary)) != json.loads(text):
        yield "binary -> JSON"
    from_json = json_format.Parse(text, message_class())
    if from_json.SerializeToString(deterministic=True) != binary:
        yield "JSON -> binary"


def main(folder: Path) -> None:
    database = load_contract()
    checked, problems = [], []
    for path in sorted(folder.glob("*.binpb")):
        name = path.name[: -len(".binpb")]
        message_class = database.GetSymbol(f"lachesis.v1.{name.split('.')[0]}")
        text = path.with_suffix(".json").read_text(encoding="utf-8")
        problems += [
            f"{name}: {what}" for what in differences(message_class, path.read_bytes(), text)
        ]
        checked.append(name)
    json.dump({"checked": checked, "problems": problems}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
