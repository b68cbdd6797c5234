"""One IPMI session in a process of its own: a question on stdin, an answer on stdout.

pyghmi keeps all its sessions in tables of the process and can wait for ever in its own loop. A process of its own can
be ended, shares nothing, and many controllers are asked side by side. The password goes in by stdin, not by argument.
"""

import json
import sys
from typing import Any

from pyghmi.ipmi import command

LAMP = {"locate": True, "unlocate": False}


def _sensor(reading: Any) -> dict[str, Any]:
    return {
        "name": reading.name,
        "type": reading.type,
        "health": int(reading.health),
        "unread": bool(reading.unavailable),
    }


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """What one controller says: its power and its identity, or that it took an order."""
    session = command.Command(
        bmc=question["host"],
        port=question["port"],
        userid=question["user"],
        password=question["password"],
        keepalive=False,
    )
    order = question.get("order")
    if order == "sensors":
        return {"sensors": [_sensor(reading) for reading in session.get_sensor_data()]}
    if order is not None:
        sys.stdout.write("sending\n")  # from here on the order may have left
        sys.stdout.flush()
        if order in LAMP:
            session.set_identify(LAMP[order])
        else:
            session.set_power(order)
        return {"taken": order}
    word = session.get_power().get("powerstate")
    known = session.get_inventory_of_component("System") or {}
    names = {"serial": "Serial Number", "uuid": "UUID", "manufacturer": "Manufacturer"}
    return {"power": word, **{key: str(known.get(name) or "") for key, name in names.items()}}


def main() -> None:
    """Answer one question; an error is an answer too."""
    try:
        said = answer(json.loads(sys.stdin.read()))
    except Exception as error:  # noqa: BLE001  whatever it is, the caller translates it
        text = (str(error).splitlines() or [""])[0][:200]
        said = {"error": text if text not in ("", "None") else "timeout: the library had no word for it"}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
