"""The enclosure half of a blade's BMC: temperatures, fans, power supplies with their health (DMTF DSP0268)."""

from collections.abc import Mapping

from toban.simulator.truth import Blade

ALL = "/redfish/v1/Chassis"
ONE = f"{ALL}/1"
TEMPERATURES = ("Inlet", "CPU 1", "CPU 2")
FANS = ("Fan 1", "Fan 2")
SUPPLIES = ("Supply 1",)
SENSORS = (*TEMPERATURES, *FANS, *SUPPLIES)


class Enclosure:
    """Describes one blade as a chassis of its own, as many servers do."""

    def __init__(self, blade: Blade) -> None:
        """Whatever is true of the blade when it is asked."""
        self._blade = blade

    def at(self, path: str) -> Mapping[str, object] | None:
        """The resource at a path, or None if it is not of the chassis."""
        if path == ALL:
            return {"@odata.id": ALL, "Members": [{"@odata.id": ONE}], "Members@odata.count": 1, "Name": "Chassis"}
        if path == ONE:
            return self._described()
        if path == f"{ONE}/Thermal":
            readings = {"Temperatures": self._sensors(TEMPERATURES), "Fans": self._sensors(FANS)}
            return {
                "@odata.id": path,
                "@odata.type": "#Thermal.v1_6_0.Thermal",
                "Id": "Thermal",
                "Name": "Thermal",
            } | readings
        if path == f"{ONE}/Power":
            supplies = {"PowerSupplies": self._sensors(SUPPLIES)}
            return {"@odata.id": path, "@odata.type": "#Power.v1_5_0.Power", "Id": "Power", "Name": "Power"} | supplies
        return None

    def _described(self) -> Mapping[str, object]:
        return {
            "@odata.id": ONE,
            "@odata.type": "#Chassis.v1_10_0.Chassis",
            "Id": "1",
            "Name": f"Blade {self._blade.slot.slot}",
            "ChassisType": "Blade",
            "Status": {"State": "Enabled", "Health": "OK"},
            "Thermal": {"@odata.id": f"{ONE}/Thermal"},
            "Power": {"@odata.id": f"{ONE}/Power"},
        }

    def _sensors(self, names: tuple[str, ...]) -> list[dict[str, object]]:
        return [
            {
                "@odata.id": f"{ONE}#/{number}",
                "MemberId": str(number),
                "Name": name,
                "Status": {"State": "Enabled", "Health": self._blade.sick.get(name, "OK")},
            }
            for number, name in enumerate(names)
        ]
